/**
 * What tests of streams share: the commands in few words, on a machine of their own.
 */

import type {
  AppendConditions,
  Reply,
  SessionTag,
  StreamChange,
} from '../../src/machine/commands.js';
import { Bench } from './fixtures.js';

/** A machine with one stream in mind. */
export class StreamBench extends Bench {
  readonly name: string;

  constructor(name = 's') {
    super();
    this.name = name;
  }

  /** Appends so many records of so many bytes, under conditions. */
  add(
    count: number,
    conditions: Partial<AppendConditions> | null = null,
    { bytes = 1, tag = null }: { bytes?: number; tag?: SessionTag | null } = {},
  ): Reply {
    const records = Array.from({ length: count }, () => new Uint8Array(bytes));
    const plain = { op: 'append', tag, stream: this.name, records } as const;
    if (conditions === null) return this.apply(plain);
    const all = { expectSeq: null, fence: null, view: null, ...conditions };
    return this.apply({ ...plain, conditions: all });
  }

  change(change: StreamChange, tag: SessionTag | null = null): Reply {
    return this.apply({ op: 'changeStream', tag, stream: this.name, change });
  }

  seal(view: number | null = null): Reply {
    return this.change({ kind: 'seal', view });
  }

  openView(after: number): Reply {
    return this.change({ kind: 'openView', after });
  }

  trim(beforeSeq: number): Reply {
    return this.change({ kind: 'trim', beforeSeq });
  }

  retain(limits: { recordsMax?: number; bytesMax?: number; ageMillisMax?: number }): Reply {
    const none = { recordsMax: null, bytesMax: null, ageMillisMax: null };
    return this.change({ kind: 'setRetention', ...none, ...limits });
  }

  /** An entry that concerns no stream, so many milliseconds later. */
  pass(millis: number): void {
    this.timeMillis += millis;
    this.machine.applyNoop(this.meta());
  }

  /** First record kept, and next sequence. */
  get bounds(): readonly [number, number] | null {
    const found = this.machine.stream(this.name);
    return found === null ? null : [found.firstSeq, found.nextSeq];
  }
}

/** A refusal as code and what would have been right; another reply as its kind. */
export function word(reply: Reply): string {
  if (reply.kind !== 'refused') return reply.kind;
  const { code, expected } = reply.refusal;
  return expected === undefined ? code : `${code} ${expected}`;
}
