/**
 * What the clients of a world asked and were told, and when, for the judges of linearizability.
 * They know nothing of servers, logs or the model: a second opinion on the same answers, from
 * outside. Keys change their names in time, for the search for an order must stay small (a key has
 * so many operations at most, and few whose outcome nobody knows).
 */

import type { KeyValue } from '../../src/machine/commands.js';
import { judgeKeys, type KeyCall, type KeyOperation, type KeyReply } from './key-history.js';
import type { Verdict } from './linearizability.js';
import { textOf } from './machine-model.js';
import {
  judgeStreams,
  type StreamCall,
  type StreamOperation,
  type StreamReply,
} from './stream-history.js';
import { demand } from './violation.js';

/**
 * Operations on one key before another takes its place; of unknown outcome; and under way at once.
 */
const keyOperationsMax = 150;
const keyUnknownMax = 3;
const keyOpenMax = 5;

/** A search that takes longer is given up: exact answers to all that are judged, not all are. */
const searchLimits = { stepsMax: 200_000, placesMax: 100_000 };

interface KeyUse {
  generation: number;
  asked: number;
  unknown: number;
  open: number;
}

/** An operation that was begun: its reply may come. */
type Open<T> = { -readonly [K in keyof T]: T[K] };

/** The history of one world. */
export class History {
  readonly #keys: Open<KeyOperation>[] = [];
  readonly #streams: Open<StreamOperation>[] = [];
  /** How often each key was asked, and to no avail, in its present name. */
  readonly #uses = new Map<string, KeyUse>();

  /** The present name of the `number`-th key. */
  key(number: number): string {
    const name = `k${number}`;
    const known = this.#uses.get(name);
    const isSpent =
      known !== undefined &&
      (known.asked >= keyOperationsMax ||
        known.unknown >= keyUnknownMax ||
        known.open >= keyOpenMax);
    if (known === undefined || isSpent) {
      const generation = (known?.generation ?? -1) + 1;
      this.#uses.set(name, { generation, asked: 0, unknown: 0, open: 0 });
    }
    return `${name}.${this.#uses.get(name)?.generation}`;
  }

  /** A client asks something of a key. @returns how to say what it was told. */
  askKey(client: number, key: string, begun: number, call: KeyCall): Asked<KeyReply> {
    const operation: Open<KeyOperation> = { client, key, begun, ended: null, call, reply: null };
    this.#keys.push(operation);
    const use = this.#uses.get(key.slice(0, key.indexOf('.'))) as KeyUse;
    use.asked += 1;
    use.open += 1;
    return {
      told: (ended, reply) => {
        operation.ended = ended;
        operation.reply = reply;
        use.open -= 1;
      },
      unknown: () => {
        use.open -= 1;
        use.unknown += 1;
      },
      refused: () => {
        use.open -= 1;
        this.#keys.splice(this.#keys.lastIndexOf(operation), 1);
      },
    };
  }

  /** A client asks something of a stream. */
  askStream(client: number, stream: string, begun: number, call: StreamCall): Asked<StreamReply> {
    const made: Open<StreamOperation> = { client, stream, begun, ended: null, call, reply: null };
    this.#streams.push(made);
    return {
      told: (ended, reply) => {
        made.ended = ended;
        made.reply = reply;
      },
      unknown: () => {},
      refused: () => void this.#streams.splice(this.#streams.lastIndexOf(made), 1),
    };
  }

  /**
   * Judges all of it. @returns false when no order was found within the limits.
   * @throws Violation when there is none.
   */
  judge(): boolean {
    const keys = this.#keys.filter(({ ended, call }) => ended !== null || call.op !== 'get');
    const streams = this.#streams.filter(({ ended, call }) => ended !== null || call.op !== 'read');
    const verdicts = [judgeKeys(keys, searchLimits), judgeStreams(streams)];
    for (const verdict of verdicts) demandLawful(verdict);
    return verdicts.every(({ result }) => result === 'linearizable');
  }
}

function demandLawful(verdict: Verdict): void {
  if (verdict.result !== 'violated') return;
  demand(false, () => `no order explains what clients were told: ${verdict.why}`);
}

/** An operation under way. */
export interface Asked<Reply> {
  told(ended: number, reply: Reply): void;
  /** Nobody will ever know: it may still be done. */
  unknown(): void;
  /** It was certainly not done: it leaves the history. */
  refused(): void;
}

/** The reply of a `get`. */
export function gotReply(found: KeyValue | null): KeyReply {
  const known =
    found === null ? null : { value: textOf(found.value), modRevision: found.modRevision };
  return { kind: 'got', revision: null, found: known };
}
