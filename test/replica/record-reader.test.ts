/**
 * Reading records back: in both directions, from a time, under limits, from a log whose newest part
 * is in memory and whose very newest is not on disk yet; over trims that come while the disk is
 * read. The machine is the real one; what a read must give, a plain list says.
 */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ReadRange } from '../../src/wire/client-messages.js';
import { firstIndex, type Kept, RecordStage, type Step } from './record-stage.js';

/** Ten records r1 … r10, each in an entry of its own, a second apart from 1,000 ms on. */
function ten(): RecordStage {
  const stage = new RecordStage();
  for (let i = 1; i <= 10; i++) {
    stage.timeMillis = i * 1000;
    stage.append('s', `r${i}`);
    stage.append('other', 'x');
  }
  return stage;
}

const up = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const down = up.toReversed();
const rows: readonly (readonly [string, Partial<ReadRange>, readonly number[]])[] = [
  ['from the first', {}, up],
  ['from a sequence', { from: { seq: 4 } }, up.slice(3)],
  ['at most so many', { from: { seq: 4 }, limit: 2 }, [4, 5]],
  ['none', { limit: 0 }, []],
  ['from the end', { from: { seq: 11 } }, []],
  ['from beyond the end', { from: { seq: 99 } }, []],
  ['backwards from the last', { backwards: true }, down],
  ['backwards from a sequence', { from: { seq: 4 }, backwards: true }, [4, 3, 2, 1]],
  ['backwards from beyond the end', { from: { seq: 99 }, backwards: true, limit: 2 }, [10, 9]],
  ['from a time between two', { from: { timeMillis: 3500 } }, up.slice(3)],
  ['from the very time', { from: { timeMillis: 3000 } }, up.slice(2)],
  ['from before all', { from: { timeMillis: 0 } }, up],
  ['from after all', { from: { timeMillis: 10_001 } }, []],
  ['backwards from a time', { from: { timeMillis: 3000 }, backwards: true }, [2, 1]],
  ['backwards from a time between two', { from: { timeMillis: 3001 }, backwards: true }, [3, 2, 1]],
  ['backwards from before all', { from: { timeMillis: 1000 }, backwards: true }, []],
  ['backwards from after all', { from: { timeMillis: 99_999 }, backwards: true }, down],
  ['at most so many bytes', { bytesMax: 5 }, [1, 2]],
  ['one record, though it is over the limit', { bytesMax: 1 }, [1]],
  ['backwards at most so many bytes', { backwards: true, bytesMax: 5 }, [10, 9]],
];

for (const [what, range, wanted] of rows) {
  test(`read ${what}: from memory, from disk, and from both`, () => {
    for (const memoryFrom of [firstIndex, firstIndex + 9, firstIndex + 1000]) {
      const stage = ten();
      stage.memoryFrom = memoryFrom;
      assert.equal(stage.seqs(range), wanted);
    }
  });
}

test('a stream that does not exist has no records, and ends where streams begin', () => {
  const outcome = new RecordStage().read({});
  assert.equal(outcome, {
    ok: true,
    value: { records: [], nextSeq: 1, firstSeq: 1, complete: true },
  });
  assert.equal(new RecordStage().seqs({ backwards: true }), []);
  assert.equal(new RecordStage().seqs({ from: { timeMillis: 1 } }), []);
});

test('an answer is complete unless a limit of size has cut it', () => {
  const completes: readonly (readonly [Partial<ReadRange>, boolean])[] = [
    [{}, true],
    [{ limit: 3 }, true],
    [{ bytesMax: 1000 }, true],
    [{ bytesMax: 5 }, false],
    [{ limit: 2, bytesMax: 5 }, true],
    [{ backwards: true, bytesMax: 5 }, false],
  ];
  for (const [range, complete] of completes) {
    const outcome = ten().read(range);
    assert.is(outcome.ok && outcome.value.complete, complete, JSON.stringify(range));
  }
});

test('an answer has at most 10,000 records and 2 MiB, and says that it is cut', () => {
  const many = new RecordStage();
  for (let i = 0; i < 3; i++) many.append('s', ...Array<string>(5000).fill('r'));
  for (const backwards of [false, true]) {
    const outcome = many.read({ backwards });
    assert.ok(outcome.ok && outcome.value.records.length === 10_000);
    assert.is(outcome.ok && outcome.value.complete, false);
  }
  const large = new RecordStage();
  for (let i = 0; i < 5; i++) large.append('s', 'x'.repeat(700_000));
  for (const memoryFrom of [firstIndex, firstIndex + 3, firstIndex + 9]) {
    large.memoryFrom = memoryFrom;
    assert.equal(large.seqs({ bytesMax: 100_000_000 }), [1, 2]);
    assert.equal(large.seqs({ backwards: true }), [5, 4]);
  }
});

test('below what is trimmed a read is refused with the first that is kept', () => {
  const stage = ten();
  stage.trim(4);
  for (const backwards of [false, true]) {
    const outcome = stage.read({ from: { seq: 3 }, backwards });
    assert.ok(!outcome.ok);
    assert.equal([outcome.refusal.code, outcome.refusal.expected], ['TRIMMED', 4]);
    assert.match(outcome.refusal.message, /record 3 of the stream "s".*read from 4 on/);
  }
  assert.equal(stage.seqs({}), up.slice(3));
  assert.equal(stage.seqs({ from: { seq: 4 } }), up.slice(3));
  assert.equal(stage.seqs({ backwards: true }), [10, 9, 8, 7, 6, 5, 4]);
  assert.equal(stage.seqs({ from: { timeMillis: 1000 } }), up.slice(3));
  assert.equal(stage.seqs({ from: { timeMillis: 4000 }, backwards: true }), []);
  const kept = stage.read({ limit: 1 });
  assert.equal(kept.ok && [kept.value.firstSeq, kept.value.nextSeq], [4, 11]);
  stage.trim(11);
  assert.equal(stage.seqs({}), []);
  assert.equal(stage.seqs({ backwards: true }), []);
  assert.equal(stage.seqs({ from: { timeMillis: 1 } }), []);
  const last = stage.read({ from: { seq: 10 } });
  assert.is(!last.ok && last.refusal.expected, 11);
});

test('backwards, the newest entries may be in memory and not on this disk yet', () => {
  const stage = ten();
  stage.memoryFrom = firstIndex + 10;
  stage.diskTo = firstIndex + 14;
  assert.equal(stage.seqs({ backwards: true }), down);
  assert.equal(stage.seqs({}), up);
});

test('what is trimmed while the disk is read is given all the same', () => {
  for (const backwards of [false, true]) {
    const stage = ten();
    stage.forget();
    stage.meanwhile = () => {
      stage.trim(9);
      stage.meanwhile = () => {};
    };
    assert.equal(stage.seqs({ from: { seq: 5 }, backwards, limit: 4 }).length, 4);
  }
});

test('a search by time goes on above what is trimmed, and takes in nothing appended', () => {
  const stage = ten();
  stage.forget();
  stage.meanwhile = () => {
    stage.meanwhile = () => {};
    stage.trim(7);
    stage.append('s', 'late');
  };
  assert.equal(stage.seqs({ from: { timeMillis: 3000 } }), [7, 8, 9, 10]);
  const future = ten();
  future.forget();
  future.meanwhile = () => {
    future.meanwhile = () => {};
    future.append('s', 'late, and still older than what was asked for');
  };
  assert.equal(future.seqs({ from: { timeMillis: 99_999 } }), []);
});

test('a search by time loses its ground to a trim, and goes on above it', () => {
  for (const isGone of [false, true]) {
    const stage = new RecordStage();
    // Within one second, so that the machine has no mark between them.
    for (let i = 1; i <= 100; i++) {
      stage.timeMillis = 1000 + 5 * i;
      stage.append('s', `r${i}`);
    }
    stage.forget();
    let reads = 0;
    stage.meanwhile = () => {
      reads += 1;
      if (reads !== 3) return;
      stage.trim(80);
      if (isGone) stage.diskFrom = firstIndex + 79;
    };
    const after = { timeMillis: 1000 + 5 * 50 };
    assert.equal(stage.seqs({ from: after, limit: 3 }), [80, 81, 82]);
    assert.ok(reads > 3);
  }
});

test('an entry that is gone because it is trimmed is TRIMMED, any other is damage', () => {
  for (const range of [{ from: { seq: 5 } }, { from: { seq: 5 }, backwards: true }]) {
    const stage = ten();
    stage.forget();
    stage.meanwhile = () => {
      stage.diskTo = 0;
      stage.trim(8);
      stage.meanwhile = () => {};
    };
    const trimmed = stage.read(range);
    assert.equal(!trimmed.ok && [trimmed.refusal.code, trimmed.refusal.expected], ['TRIMMED', 8]);
    const lost = ten();
    lost.forget();
    lost.diskTo = 0;
    const damaged = lost.read(range);
    assert.is(!damaged.ok && damaged.refusal.code, 'DAMAGED');
  }
});

test('a fault of the disk is told with its words', () => {
  for (const from of [{ seq: 1 }, { timeMillis: 5000 }]) {
    const stage = ten();
    stage.forget();
    stage.fault = { code: 'DAMAGED', message: 'segment 1: damaged at byte 7' };
    const outcome = stage.read({ from });
    assert.equal(outcome, {
      ok: false,
      refusal: { code: 'DAMAGED', message: 'segment 1: damaged at byte 7' },
    });
  }
});

test('from a time, few entries are looked at however long the stream is', () => {
  const stage = new RecordStage();
  for (let i = 0; i < 20_000; i++) {
    stage.timeMillis += 7;
    stage.append('s', `r${i}`);
  }
  stage.forget();
  const at = stage.all[15_000] as Kept;
  assert.equal(stage.seqs({ from: { timeMillis: at.timeMillis }, limit: 1 }), [at.seq]);
  assert.ok(stage.reads <= 20, `${stage.reads} reads`);
});

test('records far apart are read without what lies between them', () => {
  const stage = new RecordStage();
  for (let i = 0; i < 50; i++) {
    stage.append('s', `r${i}`);
    for (let other = 0; other < 100; other++) stage.append('other', 'x');
  }
  stage.forget();
  assert.is(stage.seqs({}).length, 50);
  assert.is(stage.seqs({ backwards: true }).length, 50);
  assert.is(stage.entriesRead, 100);
});

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ append: fc.array(fc.nat(40), { minLength: 1, maxLength: 5 }) }),
    },
    { weight: 3, arbitrary: fc.record({ other: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 3, arbitrary: fc.record({ wait: fc.nat(3000) }) },
    { weight: 1, arbitrary: fc.record({ trim: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  ),
  { minLength: 1, maxLength: 60 },
);

const anyRange = fc.record({
  place: fc.double({ min: 0, max: 1.2, noNaN: true }),
  kind: fc.constantFrom('end', 'seq', 'time'),
  backwards: fc.boolean(),
  limit: fc.oneof(fc.nat(5), fc.constant(1000)),
  bytesMax: fc.oneof(fc.constant(0), fc.nat(100)),
});

test('any read of any stream gives what the plain list has', () => {
  const memory = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(
      steps,
      memory,
      fc.array(anyRange, { minLength: 5, maxLength: 5 }),
      (plan, m, asks) => {
        const stage = new RecordStage();
        for (const step of plan) stage.take(step);
        stage.memoryFrom = firstIndex + Math.floor(m * stage.entries.length);
        stage.diskTo = stage.memoryFrom;
        for (const { place, kind, ...rest } of asks) {
          const seq = kind === 'seq' ? Math.max(1, Math.floor(place * stage.all.length)) : 0;
          const timeMillis = Math.floor(1000 + place * (stage.timeMillis - 1000));
          const range: ReadRange = { ...rest, from: kind === 'time' ? { timeMillis } : { seq } };
          if (seq !== 0 && seq < stage.firstSeq) {
            const outcome = stage.read(range);
            assert.is(!outcome.ok && outcome.refusal.code, 'TRIMMED');
          } else assert.equal(stage.seqs(range), expected(stage.all, stage.firstSeq, range));
        }
      },
    ),
    { numRuns: 400 },
  );
});

/** What a read is to give, by looking at every record. */
function expected(all: readonly Kept[], firstSeq: number, range: ReadRange): number[] {
  const { from, backwards, limit, bytesMax } = range;
  const kept = all.filter(({ seq }) => seq >= firstSeq);
  const within = kept.filter(({ seq, timeMillis }) => {
    if ('timeMillis' in from) return timeMillis < from.timeMillis === backwards;
    return from.seq === 0 || (backwards ? seq <= from.seq : seq >= from.seq);
  });
  const ordered = (backwards ? within.toReversed() : within).slice(0, limit);
  let bytes = 0;
  const end = ordered.findIndex(({ text }, at) => {
    bytes += text.length;
    return at > 0 && bytesMax > 0 && bytes > bytesMax;
  });
  return (end < 0 ? ordered : ordered.slice(0, end)).map(({ seq }) => seq);
}

test.run();
