/**
 * The machine as a whole: order of entries, judgement of commands, repeats, determinism.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AssertionError } from '../../src/base/assert.js';
import { batchRecordsMax, commandBytesMax, keyBytesMax } from '../../src/base/limits.js';
import { Rng } from '../../src/base/rng.js';
import type { Command, SessionTag } from '../../src/machine/commands.js';
import { Machine } from '../../src/machine/machine.js';
import { decodeCommand, encodeCommand } from '../../src/wire/command-codec.js';
import { Bench, base, configurationOf, outcome, text } from './fixtures.js';

const tag = (session: number, sequence: number, acknowledgedBelow = 1): SessionTag => {
  return { session, sequence, acknowledgedBelow };
};

test('a new machine stands where its base ends', () => {
  const { machine } = new Bench();
  assert.is(machine.appliedIndex, base.index);
  assert.is(machine.revision, 0);
  assert.is(machine.timeMillis, 0);
  assert.is(machine.stream('log'), null);
  assert.equal(machine.locate('log', 1, 10), []);
});

test('entries are applied in order, each once', () => {
  const bench = new Bench();
  const metas = [1, 3].map((index) => ({ index, term: 1, timeMillis: 0 }));
  for (const meta of metas) {
    assert.throws(() => bench.machine.applyNoop(meta), isAssertion);
    assert.throws(() => bench.machine.apply(meta, { op: 'registerSession' }), isAssertion);
    assert.throws(() => bench.machine.applyConfiguration(meta, base.configuration), isAssertion);
  }
  bench.machine.applyNoop(bench.meta());
  assert.is(bench.machine.appliedIndex, 2);
});

test('a term that falls is a broken log', () => {
  const bench = new Bench();
  bench.term = 5;
  bench.machine.applyNoop(bench.meta());
  bench.term = 4;
  assert.throws(() => bench.machine.applyNoop(bench.meta()), isAssertion);
});

test('time never runs backwards, whichever leader stamps', () => {
  const bench = new Bench();
  const seen = [50, 40, 60, 10, 60].map((timeMillis) => {
    bench.timeMillis = timeMillis;
    bench.machine.applyNoop(bench.meta());
    return bench.machine.timeMillis;
  });
  assert.equal(seen, [50, 50, 60, 60, 60]);
});

test('an append says where its records are and which entry did it', () => {
  const bench = new Bench();
  assert.equal(bench.append('log', 3), {
    kind: 'appended',
    firstSeq: 1,
    lastSeq: 3,
    index: 2,
    term: 1,
  });
  assert.equal(bench.machine.stream('log'), { firstSeq: 1, nextSeq: 4 });
  assert.equal(bench.machine.locate('log', 2, 9), [
    { seq: 2, index: 2, offset: 1 },
    { seq: 3, index: 2, offset: 2 },
  ]);
});

const large = new Uint8Array(commandBytesMax / 2 + 1);
const put = { op: 'put', tag: null, expectedModRevision: null } as const;
const append = { op: 'append', tag: null, stream: 's' } as const;
const remove = { op: 'delete', tag: null, expectedModRevision: null } as const;
const one = text('1');

const judged: [string, Command, string][] = [
  ['no record', { ...append, records: [] }, 'BAD_REQUEST'],
  ['an empty record', { ...append, records: [text('')] }, 'appended'],
  ['records of the limit', { ...append, records: Array(batchRecordsMax).fill(one) }, 'appended'],
  ['one record more', { ...append, records: Array(batchRecordsMax + 1).fill(one) }, 'TOO_LARGE'],
  ['records of too many bytes', { ...append, records: [large, large] }, 'TOO_LARGE'],
  ['a stream without a name', { ...append, stream: '', records: [one] }, 'BAD_REQUEST'],
  ['a stream of 255 bytes', { ...append, stream: 's'.repeat(255), records: [one] }, 'appended'],
  ['a stream of 256 bytes', { ...append, stream: 's'.repeat(256), records: [one] }, 'BAD_REQUEST'],
  ['a stream with a line break', { ...append, stream: 'a\nb', records: [one] }, 'BAD_REQUEST'],
  ['a put', { ...put, key: one, value: one }, 'put'],
  ['an empty value', { ...put, key: one, value: text('') }, 'put'],
  ['an empty key', { ...put, key: text(''), value: one }, 'BAD_REQUEST'],
  ['a key of the limit', { ...put, key: new Uint8Array(keyBytesMax), value: one }, 'put'],
  ['a key too long', { ...put, key: new Uint8Array(keyBytesMax + 1), value: one }, 'TOO_LARGE'],
  ['a value too large', { ...put, key: one, value: new Uint8Array(commandBytesMax) }, 'TOO_LARGE'],
  ['a delete of nothing', { ...remove, key: one }, 'deleted'],
  ['a delete of an empty key', { ...remove, key: text('') }, 'BAD_REQUEST'],
  ['a delete of a long key', { ...remove, key: new Uint8Array(keyBytesMax + 1) }, 'TOO_LARGE'],
  ['a session closed twice', { op: 'closeSession', session: 99 }, 'closed'],
];

for (const [name, command, expected] of judged) {
  test(`${name}: ${expected}`, () => {
    const bench = new Bench();
    const before = new Bench();
    before.machine.applyNoop(before.meta());
    const reply = bench.apply(command);
    assert.is(outcome(reply), expected);
    assert.is(reply.index, 2);
    if (reply.kind === 'refused') {
      assert.is(bench.machine.hash(), before.machine.hash(), 'a refusal changes nothing else');
    }
  });
}

test('a repeat gets the first answer, with the index and term of the first time', () => {
  const bench = new Bench();
  const session = bench.register();
  const first = bench.append('log', 2, tag(session, 1));
  bench.term = 9;
  const again = bench.append('log', 2, tag(session, 1));
  assert.equal(again, first);
  assert.is(bench.machine.stream('log')?.nextSeq, 3);
});

test('a refused command uses its place, and a repeat hears the same refusal', () => {
  const bench = new Bench();
  const session = bench.register();
  const key = text('k');
  const conditional = (sequence: number): Command => {
    return { op: 'put', tag: tag(session, sequence), key, value: key, expectedModRevision: 5 };
  };
  const first = bench.apply(conditional(1));
  assert.is(outcome(first), 'CONFLICT');
  for (let i = 0; i < 5; i++) bench.put('k', 'v');
  assert.is(bench.machine.get(key)?.modRevision, 5);
  assert.equal(
    bench.apply(conditional(1)),
    first,
    'the condition holds by now: it is still refused',
  );
  assert.is(outcome(bench.apply(conditional(2))), 'put');
});

test('refusals of place leave no trace but the applied index', () => {
  const bench = new Bench();
  const other = new Bench();
  const session = bench.register();
  other.register();
  const out = [
    bench.append('log', 1, tag(session, 2)),
    bench.append('log', 1, tag(session + 7, 1)),
    bench.append('log', 1, tag(session, 0, 0)),
    bench.append('log', 1, tag(session, 1, 2)),
  ];
  assert.equal(out.map(outcome), ['OUT_OF_ORDER', 'SESSION_EXPIRED', 'BAD_REQUEST', 'BAD_REQUEST']);
  assert.is(out[0]?.kind === 'refused' && out[0].refusal.expected, 1);
  for (let i = 0; i < out.length; i++) other.machine.applyNoop(other.meta());
  assert.is(bench.machine.hash(), other.machine.hash());
});

test('a closed session does nothing more', () => {
  const bench = new Bench();
  const session = bench.register();
  bench.append('log', 1, tag(session, 1));
  assert.is(outcome(bench.apply({ op: 'closeSession', session })), 'closed');
  assert.is(outcome(bench.append('log', 1, tag(session, 1))), 'SESSION_EXPIRED');
  assert.is(outcome(bench.append('log', 1, tag(session, 2))), 'SESSION_EXPIRED');
  assert.is(bench.machine.stream('log')?.nextSeq, 2);
});

test('the value handed in may change afterwards, the stored one does not', () => {
  const bench = new Bench();
  const key = text('k');
  const value = text('v');
  bench.apply({ op: 'put', tag: null, key, value, expectedModRevision: null });
  key[0] = 0;
  value[0] = 0;
  assert.equal(Buffer.from(bench.machine.get(text('k'))?.value ?? []).toString(), 'v');
});

test('the same 10,000 commands make the same machine, and another order makes another', () => {
  const commands = randomCommands(10_000);
  const [a, b, c] = [new Bench(), new Bench(), new Bench()];
  const repliesOf = (bench: Bench) => (command: Command) => bench.apply(command);
  const left = commands.map(repliesOf(a));
  // The second machine sees what came over the wire, the first what was meant.
  const right = commands.map((command) => b.apply(decodeCommand(encodeCommand(command))));
  assert.equal(left, right);
  assert.is(a.machine.hash(), b.machine.hash());
  const kinds = new Set(left.map(outcome));
  for (const kind of ['appended', 'put', 'deleted', 'CONFLICT', 'OUT_OF_ORDER', 'BAD_REQUEST']) {
    assert.ok(kinds.has(kind), `the run has met ${kind}`);
  }
  commands.toReversed().map(repliesOf(c));
  assert.is.not(a.machine.hash(), c.machine.hash());
});

test('every part of the state shows in the hash', () => {
  const changes: ((bench: Bench) => void)[] = [
    (bench) => bench.append('a', 1),
    (bench) => bench.append('b', 1),
    (bench) => bench.append('a', 2),
    (bench) => bench.put('k', 'v'),
    (bench) => bench.put('k', 'w'),
    (bench) => bench.put('l', 'v'),
    (bench) => bench.register(),
    (bench) => bench.machine.applyNoop(bench.meta()),
    (bench) => bench.machine.applyConfiguration(bench.meta(), configurationOf([1])),
    (bench) => bench.machine.applyConfiguration(bench.meta(), configurationOf([1], [2])),
    (bench) => bench.machine.applyConfiguration(bench.meta(), configurationOf([2])),
    (bench) => {
      bench.timeMillis = 2000;
      bench.machine.applyNoop(bench.meta());
    },
    (bench) => {
      bench.term = 2;
      bench.machine.applyNoop(bench.meta());
    },
  ];
  const hashes = changes.map((change) => {
    const bench = new Bench();
    change(bench);
    return bench.machine.hash();
  });
  assert.is(new Set(hashes).size, changes.length);
  const sessions = [1, 2].map((acknowledgedBelow) => {
    const bench = new Bench();
    const session = bench.register();
    bench.append('a', 1, tag(session, 1));
    bench.append('a', 1, tag(session, 2, acknowledgedBelow));
    return bench.machine.hash();
  });
  assert.is.not(sessions[0], sessions[1], 'a reply forgotten here and kept there');
});

test('whatever a command says, it is answered and never thrown at', () => {
  const rng = new Rng(4);
  const bench = new Bench();
  const odd = [0, 1, 2, 5, 2 ** 32, 2 ** 53 - 1];
  const pick = <T>(list: readonly T[]): T => list[rng.below(list.length)] as T;
  for (let i = 0; i < 20_000; i++) {
    const session = pick([...odd, 2, 3, 4]);
    const tagged = pick([null, tag(session, pick(odd), pick(odd))]);
    const key = new Uint8Array(pick([0, 1, keyBytesMax, keyBytesMax + 1]));
    const expectedModRevision = pick([null, ...odd]);
    const stream = pick(['', 'a', '\ud800', 'x'.repeat(300), '__proto__', 'constructor']);
    const command = pick<Command>([
      { op: 'registerSession' },
      { op: 'closeSession', session },
      { op: 'append', tag: tagged, stream, records: Array(pick([0, 1, 3])).fill(one) },
      { op: 'put', tag: tagged, key, value: one, expectedModRevision },
      { op: 'delete', tag: tagged, key, expectedModRevision },
    ]);
    assert.ok(bench.apply(command).index > 0);
  }
  assert.ok((bench.machine.stream('__proto__')?.nextSeq ?? 0) > 100);
});

test('two machines share nothing', () => {
  const [a, b] = [new Machine(base), new Machine(base)];
  const before = b.hash();
  a.apply({ index: 2, term: 1, timeMillis: 1 }, { ...put, key: one, value: one });
  assert.is(b.hash(), before);
});

/** Commands as several clients may send them, retries and mistakes included. */
function randomCommands(count: number): Command[] {
  const rng = new Rng(99);
  const next = new Map<number, number>();
  const commands: Command[] = [];
  for (let i = 0; i < count; i++) {
    const index = i + 2;
    if (i < 5 || rng.below(200) === 0) {
      commands.push({ op: 'registerSession' });
      next.set(index, 1);
      continue;
    }
    const session = [...next.keys()][rng.below(next.size)] as number;
    const expected = next.get(session) as number;
    const sequence = Math.max(1, expected + [0, 0, 0, 0, -1, 1][rng.below(6)]!);
    if (sequence === expected) next.set(session, expected + 1);
    const acknowledgedBelow = Math.max(1, sequence - 1 - rng.below(5));
    const each = rng.below(4) === 0 ? null : { session, sequence, acknowledgedBelow };
    const key = text(`k${rng.below(50)}`);
    const expectedModRevision = rng.below(3) > 0 ? null : rng.below(40);
    const records = Array.from({ length: rng.below(4) }, () => text(`${rng.below(1000)}`));
    commands.push(
      (
        [
          { op: 'append', tag: each, stream: `s${rng.below(5)}`, records },
          { op: 'put', tag: each, key, value: text(`${i}`), expectedModRevision },
          { op: 'delete', tag: each, key, expectedModRevision },
        ] as const
      )[rng.below(3)] as Command,
    );
  }
  return commands;
}

function isAssertion(error: unknown): boolean {
  return error instanceof AssertionError;
}

test.run();
