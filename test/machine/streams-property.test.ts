/**
 * Streams under random commands, against the model in plain words (sim/stream-model.ts): every
 * reply, every state, where every record kept stands, and where a time begins.
 */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type {
  AppendConditions,
  Command,
  RecordPlace,
  StreamChange,
} from '../../src/machine/commands.js';
import { Machine } from '../../src/machine/machine.js';
import { decodeCommand, encodeCommand } from '../../src/wire/command-codec.js';
import { MachineModel, replyWord } from '../sim/machine-model.js';
import type { StreamModel } from '../sim/stream-model.js';
import { base } from './fixtures.js';

/** Numbers that conditions and changes ask for: mostly near what is right. */
const near = fc.oneof(
  { weight: 8, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: -2, max: 2 }) },
  fc.nat(40),
);

/** Steps as chance draws them; numbers are relative to the stream as it stands then. */
type Step =
  | { readonly do: 'append'; readonly sizes: readonly number[]; readonly asked: Asked | null }
  | { readonly do: 'seal'; readonly view: number | null }
  | { readonly do: 'openView'; readonly after: number }
  | { readonly do: 'trim'; readonly by: number }
  | {
      readonly do: 'retain';
      readonly limits: readonly [number | null, number | null, number | null];
    }
  | { readonly do: 'nothing' };

interface Asked {
  readonly seq: number | null;
  readonly fence: number | null;
  readonly view: number | null;
}

const size = fc.oneof({ weight: 6, arbitrary: fc.nat(30) }, fc.nat(40_000));

const appending = fc.record({
  do: fc.constant('append' as const),
  sizes: fc.oneof(
    { weight: 9, arbitrary: fc.array(size, { minLength: 1, maxLength: 4 }) },
    fc.integer({ min: 300, max: 700 }).map((count) => Array<number>(count).fill(1)),
  ),
  asked: fc.option(
    fc.record({
      seq: fc.option(near, { freq: 3 }),
      fence: fc.option(fc.nat(4), { freq: 3 }),
      view: fc.option(near, { freq: 3 }),
    }),
    { freq: 2 },
  ),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: appending },
  fc.record({ do: fc.constant('seal' as const), view: fc.option(near) }),
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('openView' as const), after: near }),
  },
  fc.record({ do: fc.constant('trim' as const), by: fc.integer({ min: -5, max: 12 }) }),
  fc.record({
    do: fc.constant('retain' as const),
    limits: fc.tuple(
      fc.option(fc.oneof(fc.nat(12), fc.nat(2000))),
      fc.option(fc.nat(200_000)),
      fc.option(fc.nat(9000)),
    ),
  }),
  fc.constant({ do: 'nothing' } as const),
);

const steps = fc.array(
  fc.record({
    stream: fc.nat(2),
    passedMillis: fc.oneof(
      { weight: 3, arbitrary: fc.nat(20) },
      fc.integer({ min: -3000, max: 3000 }),
    ),
    step,
  }),
  { minLength: 1, maxLength: 120, size: 'max' },
);

test('streams do what the model says, replica for replica', () => {
  fc.assert(
    fc.property(steps, (drawn) => {
      const machine = new Machine(base);
      const other = new Machine(base);
      const model = new MachineModel();
      const times = new Map<string, number[]>();
      let timeMillis = 1_000_000;
      let logMillis = 0;
      for (const [at, { stream, passedMillis, step }] of drawn.entries()) {
        const name = `s${stream}`;
        timeMillis += passedMillis;
        logMillis = Math.max(logMillis, timeMillis);
        const meta = { index: base.index + 1 + at, term: 1, timeMillis };
        if (step.do === 'nothing') {
          machine.applyNoop(meta);
          other.applyNoop(meta);
          model.apply(meta, null);
        } else {
          const command = commandOf(name, step, model.streams.get(name));
          const word = model.apply(meta, command);
          assert.is(replyWord(machine.apply(meta, command)), word);
          assert.is(replyWord(other.apply(meta, decodeCommand(encodeCommand(command)))), word);
        }
        const known = model.streams.get(name);
        const stamps = times.get(name) ?? [];
        times.set(name, stamps);
        while (known !== undefined && stamps.length < known.records.length) stamps.push(logMillis);
        compare(machine, model);
      }
      assert.is(machine.hash(), other.hash());
      for (const [name, stamps] of times) compareTimes(machine, model, name, stamps);
    }),
    { numRuns: Number(process.env['STREAM_RUNS'] ?? 200) },
  );
});

function commandOf(stream: string, step: Step, model: StreamModel | undefined): Command {
  const state = model?.state();
  const newest = state?.views.at(-1)?.view ?? 1;
  const nextSeq = state?.nextSeq ?? 1;
  const change = (change: StreamChange): Command => {
    return { op: 'changeStream', tag: null, stream, change };
  };
  const around = (value: number, by: number): number => Math.max(0, value + by);
  switch (step.do) {
    case 'append': {
      const records = step.sizes.map((bytes) => new Uint8Array(bytes));
      if (step.asked === null) return { op: 'append', tag: null, stream, records };
      const { seq, fence, view } = step.asked;
      const conditions: AppendConditions = {
        expectSeq: seq === null ? null : around(nextSeq, seq),
        fence,
        view: view === null ? null : around(newest, view),
      };
      return { op: 'append', tag: null, stream, records, conditions };
    }
    case 'seal':
      return change({ kind: 'seal', view: step.view === null ? null : around(newest, step.view) });
    case 'openView':
      return change({ kind: 'openView', after: around(newest, step.after) });
    case 'trim':
      return change({ kind: 'trim', beforeSeq: around(state?.firstSeq ?? 1, step.by) });
    case 'retain': {
      const [recordsMax, bytesMax, ageMillisMax] = step.limits;
      return change({ kind: 'setRetention', recordsMax, bytesMax, ageMillisMax });
    }
    case 'nothing':
      throw new Error('no command');
  }
}

/** The same streams, in the same states, with every record in its place. */
function compare(machine: Machine, model: MachineModel): void {
  const names = [...model.streams.keys()].sort();
  const listed = machine.streams({ prefix: '', after: '', limit: 9 }).streams;
  assert.equal(
    listed.map(({ name }) => name),
    names,
  );
  for (const [at, name] of names.entries()) {
    const known = model.streams.get(name) as StreamModel;
    const state = known.state();
    assert.equal(machine.streamState(name), state);
    assert.equal(listed[at]?.state, state);
    const { firstSeq, nextSeq } = state;
    assert.equal(machine.stream(name), { firstSeq, nextSeq });
    const places = machine.locate(name, 0, 20_000);
    assert.equal(places, placesOf(known).slice(0, 10_000));
  }
}

function placesOf({ records, firstSeq }: StreamModel): readonly RecordPlace[] {
  let offset = 0;
  const places = records.map(({ index }, i) => {
    offset = index === records[i - 1]?.index ? offset + 1 : 0;
    return { seq: i + 1, index, offset };
  });
  return places.slice(firstSeq - 1);
}

/** A time is looked for from a place that is not behind it, and not a stretch too early. */
function compareTimes(
  machine: Machine,
  model: MachineModel,
  name: string,
  stamps: readonly number[],
): void {
  const known = model.streams.get(name);
  if (known === undefined) return;
  const { firstSeq, nextSeq } = known;
  const last = stamps.at(-1) ?? 0;
  for (const timeMillis of new Set([
    0,
    ...stamps,
    ...stamps.map((stamp) => stamp + 1),
    last + 999,
  ])) {
    const from = machine.timeMark(name, timeMillis);
    const right = stamps.findIndex((stamp, i) => i + 1 >= firstSeq && stamp >= timeMillis) + 1;
    assert.ok(from >= firstSeq && from <= (right === 0 ? nextSeq : right), `${from} for ${right}`);
    const reached = right === 0 ? last : (stamps[right - 1] as number);
    const begun = stamps[from - 1] ?? reached;
    assert.ok(from === firstSeq || reached === begun || timeMillis - begun < 1000, 'too early');
  }
}

test.run();
