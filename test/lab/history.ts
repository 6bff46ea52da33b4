/**
 * Judges what the clients of a load were told: linearizable, each record once, each client's in the
 * order of its calls, nothing acknowledged missing; and how much of the time the cluster served.
 */

import { judgeStreams, type StreamOperation } from '../sim/stream-history.js';

/** What became of a history. */
export interface Judgement {
  /** What is wrong, or null. */
  readonly fault: string | null;
  readonly acknowledged: number;
  /** Appends whose outcome their client never learnt. */
  readonly unknown: number;
  readonly reads: number;
}

/** A time without a success, in microseconds of the machine's clock. */
export interface Outage {
  readonly begun: number;
  readonly ended: number;
}

/** How much of a time some append succeeded. */
export interface Availability {
  /** Share of the windows in which an append was acknowledged. */
  readonly share: number;
  readonly windows: number;
  /** Runs of windows without one, in order of time. */
  readonly outages: readonly Outage[];
}

/** Availability is told in windows of this length, microseconds. */
export const windowMicros = 100_000;

/**
 * Judges a history whose last reads give the whole stream.
 * @param everything those last reads' records, in order.
 */
export function judge(
  history: readonly StreamOperation[],
  everything: readonly string[],
): Judgement {
  const appends = history.filter(({ call }) => call.op === 'append');
  const unknown = appends.filter(({ ended }) => ended === null).length;
  const verdict = judgeStreams(history);
  const fault = verdict.result === 'linearizable' ? null : `${verdict.result}: ${verdict.why}`;
  return {
    fault: fault ?? missing(appends, everything) ?? disorder(everything),
    acknowledged: appends.length - unknown,
    unknown,
    reads: history.length - appends.length,
  };
}

/** An acknowledged record that is not there where it was said to be, or null. */
function missing(
  appends: readonly StreamOperation[],
  everything: readonly string[],
): string | null {
  for (const { call, reply } of appends) {
    if (call.op !== 'append' || reply?.kind !== 'appended') continue;
    const found = everything[reply.firstSeq - 1];
    const [wanted] = call.records;
    if (found !== wanted)
      return `${wanted} was acknowledged at ${reply.firstSeq}: ${found} is there`;
  }
  return null;
}

/** A record that is there twice, or before an earlier one of its client (`NAME-NUMBER`), or
 * null. */
function disorder(everything: readonly string[]): string | null {
  const newest = new Map<string, number>();
  for (const record of everything) {
    const [client = '', number] = record.split('-');
    const before = newest.get(client) ?? 0;
    if (Number(number) <= before) return `${record} stands behind ${client}-${before}`;
    newest.set(client, Number(number));
  }
  return null;
}

/** The share of windows between two moments in which an append was acknowledged. */
export function availability(
  history: readonly StreamOperation[],
  begun: number,
  ended: number,
): Availability {
  const windows = Math.floor((ended - begun) / windowMicros);
  const served = new Set<number>();
  for (const { call, reply, ended: at } of history) {
    if (call.op === 'append' && reply !== null && at !== null) {
      served.add(Math.floor((at - begun) / windowMicros));
    }
  }
  return availabilityOf(served, begun, windows);
}

/** The same of windows, counted from 0, that are known to have been served. */
export function availabilityOf(
  served: ReadonlySet<number>,
  begun: number,
  windows: number,
): Availability {
  const outages: { begun: number; ended: number }[] = [];
  let hits = 0;
  for (let window = 0; window < windows; window++) {
    if (served.has(window)) {
      hits += 1;
      continue;
    }
    const from = begun + window * windowMicros;
    const last = outages.at(-1);
    if (last?.ended === from) last.ended += windowMicros;
    else outages.push({ begun: from, ended: from + windowMicros });
  }
  return { share: windows === 0 ? 0 : hits / windows, windows, outages };
}
