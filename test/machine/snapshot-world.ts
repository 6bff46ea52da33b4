/**
 * Random histories for machines: commands of every kind, from few names and keys so that they meet,
 * with sessions that repeat themselves and time that passes. The same seed gives the same history.
 */

import type { Rng } from '../../src/base/rng.js';
import type { Command, Reply, SessionTag, StreamChange } from '../../src/machine/commands.js';
import type { Machine } from '../../src/machine/machine.js';
import type { Configuration } from '../../src/raft/types.js';
import { configurationOf, text } from './fixtures.js';

/** One entry of a history. */
export interface Step {
  readonly timeMillis: number;
  readonly term: number;
  readonly command: Command | null;
  readonly configuration: Configuration | null;
}

/** Applies an entry behind the last one. @returns its reply; null: it is no command. */
export function applyStep(machine: Machine, step: Step): Reply | null {
  const { term, timeMillis, command, configuration } = step;
  const meta = { index: machine.appliedIndex + 1, term, timeMillis };
  if (configuration !== null) machine.applyConfiguration(meta, configuration);
  else if (command === null) machine.applyNoop(meta);
  else return machine.apply(meta, command);
  return null;
}

const streamNames = ['a', 'b', 'log', 'ströme'];

interface Sender {
  readonly session: number;
  next: number;
}

/** Makes the entries of one history. */
export class History {
  readonly #rng: Rng;
  readonly #senders: Sender[] = [];
  #index: number;
  #timeMillis = 1_000_000;
  #term = 1;

  /** @param baseIndex where its machine begins. */
  constructor(rng: Rng, baseIndex: number) {
    this.#rng = rng;
    this.#index = baseIndex;
  }

  next(): Step {
    const rng = this.#rng;
    this.#index += 1;
    this.#timeMillis += rng.below(3) === 0 ? rng.below(2000) : rng.below(20);
    if (rng.below(50) === 0) this.#term += 1;
    const kind = rng.below(40);
    const configuration = kind === 0 ? this.#configuration() : null;
    const command = kind <= 1 ? null : this.#command();
    return { timeMillis: this.#timeMillis, term: this.#term, command, configuration };
  }

  #configuration(): Configuration {
    const rng = this.#rng;
    const ids = [1, 2, 3, 4, 5, 6, 7].filter(() => rng.below(2) === 0);
    const reason = rng.below(2) === 0 ? 'test' : 'swap out n1: it is dead';
    return configurationOf(ids.length === 0 ? [1] : ids, [], reason);
  }

  #command(): Command {
    const rng = this.#rng;
    switch (rng.below(12)) {
      case 0:
        this.#senders.push({ session: this.#index, next: 1 });
        return { op: 'registerSession' };
      case 1:
        return { op: 'closeSession', session: this.#anySender()?.session ?? 5 };
      case 2: {
        const words = [{ name: 'voters', value: rng.below(4) === 0 ? '' : `${rng.below(9)}` }];
        return { op: 'setPolicy', words, expectedIndex: null };
      }
      case 3:
      case 4:
        return {
          op: 'changeStream',
          tag: this.#tag(),
          stream: this.#stream(),
          change: this.#change(),
        };
      case 5:
        return { op: 'delete', tag: this.#tag(), key: this.#key(), expectedModRevision: null };
      case 6:
      case 7:
      case 8: {
        const bytes = rng.below(20) === 0 ? rng.below(150_000) : rng.below(40);
        const value = new Uint8Array(bytes).fill(rng.below(256));
        const expectedModRevision = rng.below(4) === 0 ? rng.below(5) : null;
        return { op: 'put', tag: this.#tag(), key: this.#key(), value, expectedModRevision };
      }
      default:
        return this.#append();
    }
  }

  #append(): Command {
    const rng = this.#rng;
    const count = rng.below(4) === 0 ? 1 + rng.below(30) : 1;
    const records = Array.from({ length: count }, () => new Uint8Array(rng.below(3000)));
    const tag = this.#tag();
    const stream = this.#stream();
    if (rng.below(4) > 0) return { op: 'append', tag, stream, records };
    const conditions = {
      expectSeq: rng.below(2) === 0 ? rng.below(20) : null,
      fence: rng.below(2) === 0 ? 1 + rng.below(5) : null,
      view: rng.below(2) === 0 ? 1 + rng.below(3) : null,
    };
    return { op: 'append', tag, stream, records, conditions };
  }

  #change(): StreamChange {
    const rng = this.#rng;
    switch (rng.below(5)) {
      case 0:
        return { kind: 'seal', view: null };
      case 1:
      case 2:
        return { kind: 'openView', after: 1 + rng.below(4) };
      case 3:
        return { kind: 'trim', beforeSeq: rng.below(200) };
      default:
        return {
          kind: 'setRetention',
          recordsMax: rng.below(2) === 0 ? 1 + rng.below(50) : null,
          bytesMax: rng.below(3) === 0 ? 1 + rng.below(100_000) : null,
          ageMillisMax: rng.below(2) === 0 ? 1 + rng.below(20_000) : null,
        };
    }
  }

  #stream(): string {
    return streamNames[this.#rng.below(streamNames.length)] as string;
  }

  #key(): Uint8Array {
    return text(`k${this.#rng.below(60)}`);
  }

  #anySender(): Sender | undefined {
    return this.#senders[this.#rng.below(this.#senders.length)];
  }

  /** In half of the commands none; now and then a repeat, or one out of order. */
  #tag(): SessionTag | null {
    const rng = this.#rng;
    const sender = this.#anySender();
    if (sender === undefined || rng.below(2) === 0) return null;
    const { session } = sender;
    const back = rng.below(6) === 0 ? rng.below(4) : 0;
    const sequence = Math.max(1, sender.next - back + (rng.below(20) === 0 ? 1 : 0));
    if (sequence === sender.next) sender.next += 1;
    return { session, sequence, acknowledgedBelow: Math.max(1, sequence - rng.below(10)) };
  }
}
