/**
 * What the servers of a lab said of one another and of who leads, counted in their logs. Where
 * nobody fails, each of these calls is a false one.
 */

import type { LogLine } from '../process/servers.js';

/** The part of a server's log that is looked at; with the level `debug`, else no suspicion is in
 * it. */
export interface ServerLog {
  readonly name: string;
  readonly lines: readonly LogLine[];
}

/** How often what was said, over all servers. */
export interface Calls {
  /** A server accused another by itself: neither it nor a relay got an answer. */
  readonly suspected: number;
  /** A server heard that it is suspected, and said that it lives. */
  readonly refuted: number;
  /** A server called another dead, by gossip. Each that does counts. */
  readonly dead: number;
  /** A leader called a member dead for the planner: gossip and its own contact agreed. */
  readonly deadToLeader: number;
  /** A server was elected. */
  readonly elected: number;
  /** A leader stepped down. */
  readonly steppedDown: number;
  /** Each call of a death and each change of the leader, for people, in the order of time. */
  readonly told: readonly string[];
}

type Counter = Exclude<keyof Calls, 'told'>;

/** Which line of a server's log counts as what. */
function counterOf(line: LogLine, name: string): Counter | null {
  switch (line.msg) {
    case 'a member is suspected':
      // Who only believes another names that one.
      return line['by'] === name ? 'suspected' : null;
    case 'suspected; this server says that it lives':
      return 'refuted';
    case 'a member is called dead':
      return 'dead';
    case 'member called dead':
      return 'deadToLeader';
    case 'leader elected':
      return 'elected';
    case 'stepped down':
      return 'steppedDown';
    default:
      return null;
  }
}

/** Counts the calls. @param begunAt what moments are told from, wall clock milliseconds. */
export function callsIn(logs: readonly ServerLog[], begunAt: number): Calls {
  const counts: Record<Counter, number> = {
    suspected: 0,
    refuted: 0,
    dead: 0,
    deadToLeader: 0,
    elected: 0,
    steppedDown: 0,
  };
  const events: { readonly time: number; readonly text: string }[] = [];
  for (const { name, lines } of logs) {
    for (const line of lines) {
      const counter = counterOf(line, name);
      if (counter === null) continue;
      counts[counter] += 1;
      if (counter === 'suspected' || counter === 'refuted') continue;
      events.push({ time: Number(line['time']), text: `${name}: ${textOf(line)}` });
    }
  }
  const told = events
    .sort((a, b) => a.time - b.time)
    .map(({ time, text }) => `${((time - begunAt) / 1000).toFixed(1).padStart(6)} s  ${text}`);
  return { ...counts, told };
}

function textOf({ msg, ...fields }: LogLine): string {
  const told = ['server', 'by', 'member', 'evidence', 'term', 'reason'].flatMap((field) =>
    fields[field] === undefined ? [] : [`${field} ${String(fields[field])}`],
  );
  return told.length === 0 ? msg : `${msg} (${told.join(', ')})`;
}
