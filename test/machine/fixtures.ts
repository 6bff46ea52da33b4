/**
 * Small things that the machine's tests share.
 */

import type { Command, Reply, SessionTag } from '../../src/machine/commands.js';
import { Machine } from '../../src/machine/machine.js';
import type { Configuration, LogBase, MemberId } from '../../src/raft/types.js';

/** A configuration of these voters and learners. */
export function configurationOf(
  voters: readonly MemberId[],
  learners: readonly MemberId[] = [],
  reason = 'test',
): Configuration {
  return {
    voters,
    votersOutgoing: [],
    learners,
    learnersNext: [],
    members: [...voters, ...learners]
      .toSorted((a, b) => a - b)
      .map((id) => ({ id, peerId: `p${id}`, incarnation: `i${id}`, name: `n${id}` })),
    reason,
  };
}

/** The founding record of one server. */
export const base: LogBase = {
  index: 1,
  term: 0,
  configuration: configurationOf([1], [], 'founded'),
  configurationIndex: 1,
};

/** A machine and the log that feeds it. */
export class Bench {
  readonly machine = new Machine(base);
  term = 1;
  timeMillis = 1000;

  /** Applies one more command. */
  apply(command: Command): Reply {
    return this.machine.apply(this.meta(), command);
  }

  /** Opens a session. @returns its number. */
  register(): number {
    const reply = this.apply({ op: 'registerSession' });
    if (reply.kind !== 'session') throw new Error('no session');
    return reply.session;
  }

  append(stream: string, count: number, tag: SessionTag | null = null): Reply {
    const records = Array.from({ length: count }, () => text('r'));
    return this.apply({ op: 'append', tag, stream, records });
  }

  put(key: string, value: string, expectedModRevision: number | null = null): Reply {
    return this.apply({
      op: 'put',
      tag: null,
      key: text(key),
      value: text(value),
      expectedModRevision,
    });
  }

  delete(key: string, expectedModRevision: number | null = null): Reply {
    return this.apply({ op: 'delete', tag: null, key: text(key), expectedModRevision });
  }

  /** The entry after the last one. */
  meta(): { index: number; term: number; timeMillis: number } {
    return {
      index: this.machine.appliedIndex + 1,
      term: this.term,
      timeMillis: this.timeMillis,
    };
  }
}

/** A string's bytes. */
export function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value));
}

/** The code of a refusal, or the kind of another reply. */
export function outcome(reply: Reply): string {
  return reply.kind === 'refused' ? reply.refusal.code : reply.kind;
}
