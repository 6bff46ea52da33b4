/**
 * Sessions: tables of steps, limits, and a model of clients over a bad network.
 */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Reply, SessionTag } from '../../src/machine/commands.js';
import { sessionsMax, storedRepliesMax } from '../../src/machine/sessions.js';
import { Bench, outcome, text } from './fixtures.js';

const tag = (session: number, sequence: number, acknowledgedBelow = 1): SessionTag => {
  return { session, sequence, acknowledgedBelow };
};

/** Steps on one session: [sequence, acknowledgedBelow, what comes of it]. */
const tables: [string, [number, number, string][]][] = [
  [
    'in order, each once',
    [
      [1, 1, 'appended 1'],
      [2, 1, 'appended 2'],
      [3, 1, 'appended 3'],
    ],
  ],
  [
    'a repeat gets the kept reply, also long after',
    [
      [1, 1, 'appended 1'],
      [1, 1, 'appended 1'],
      [2, 1, 'appended 2'],
      [3, 1, 'appended 3'],
      [1, 1, 'appended 1'],
      [2, 1, 'appended 2'],
    ],
  ],
  [
    'a gap is refused and filled',
    [
      [2, 1, 'OUT_OF_ORDER 1'],
      [1, 1, 'appended 1'],
      [3, 1, 'OUT_OF_ORDER 2'],
      [2, 1, 'appended 2'],
      [3, 1, 'appended 3'],
    ],
  ],
  [
    'an acknowledged reply is forgotten, the next is kept',
    [
      [1, 1, 'appended 1'],
      [2, 1, 'appended 2'],
      [3, 2, 'appended 3'],
      [1, 1, 'REPLY_FORGOTTEN'],
      [2, 1, 'appended 2'],
      [4, 4, 'appended 4'],
      [3, 1, 'REPLY_FORGOTTEN'],
      [4, 4, 'appended 4'],
    ],
  ],
  [
    'an acknowledgement taken back revives nothing',
    [
      [1, 1, 'appended 1'],
      [2, 2, 'appended 2'],
      [3, 1, 'appended 3'],
      [1, 1, 'REPLY_FORGOTTEN'],
      [2, 1, 'appended 2'],
    ],
  ],
  [
    'what comes too early acknowledges nothing',
    [
      [1, 1, 'appended 1'],
      [9, 9, 'OUT_OF_ORDER 2'],
      [1, 1, 'appended 1'],
    ],
  ],
  [
    'a tag that contradicts itself is refused',
    [
      [1, 2, 'BAD_REQUEST'],
      [0, 0, 'BAD_REQUEST'],
      [1, 0, 'appended 1'],
    ],
  ],
];

for (const [name, steps] of tables) {
  test(name, () => {
    const bench = new Bench();
    const session = bench.register();
    for (const [sequence, acknowledgedBelow, expected] of steps) {
      const reply = bench.append('log', 1, tag(session, sequence, acknowledgedBelow));
      const detail = reply.kind === 'appended' ? reply.firstSeq : expectedOf(reply);
      assert.is(`${outcome(reply)} ${detail ?? ''}`.trim(), expected);
    }
  });
}

function expectedOf(reply: ReturnType<Bench['append']>): number | undefined {
  return reply.kind === 'refused' ? reply.refusal.expected : undefined;
}

test('a client that acknowledges nothing is stopped at its limit, and goes on once it does', () => {
  const bench = new Bench();
  const session = bench.register();
  for (let i = 1; i <= storedRepliesMax; i++) {
    assert.is(outcome(bench.append('log', 1, tag(session, i))), 'appended');
  }
  const next = storedRepliesMax + 1;
  const full = bench.append('log', 1, tag(session, next));
  assert.is(outcome(full), 'OVERLOADED');
  assert.ok(full.kind === 'refused' && (full.refusal.retryAfterMillis ?? 0) > 0);
  assert.is(bench.machine.stream('log')?.nextSeq, next, 'the sequence was not used');
  const first = bench.append('log', 1, tag(session, 1));
  assert.is(first.kind === 'appended' && first.firstSeq, 1, 'all replies are still there');
  assert.is(outcome(bench.append('log', 1, tag(session, next, 2))), 'appended');
  assert.is(outcome(bench.append('log', 1, tag(session, next + 1, 2))), 'OVERLOADED');
  assert.is(outcome(bench.append('log', 1, tag(session, next + 1, next + 1))), 'appended');
});

test('the session unused for longest goes first, by the order of the log', () => {
  const bench = new Bench();
  const sessions = Array.from({ length: sessionsMax }, () => bench.register());
  const [first, second, third, fourth] = sessions as [number, number, number, number];
  bench.append('log', 1, tag(first, 1));
  bench.append('log', 1, tag(second, 1));
  // A repeat is use; a refusal of place is none.
  bench.append('log', 1, tag(third, 9));
  bench.append('log', 1, tag(first, 1));
  bench.register();
  assert.is(bench.machine.sessionCount, sessionsMax);
  assert.is(outcome(bench.append('log', 1, tag(third, 1))), 'SESSION_EXPIRED');
  bench.register();
  assert.is(outcome(bench.append('log', 1, tag(fourth, 1))), 'SESSION_EXPIRED');
  assert.is(outcome(bench.append('log', 1, tag(first, 2))), 'appended');
  assert.is(outcome(bench.append('log', 1, tag(second, 2))), 'appended');
});

test('a repeat keeps a session alive', () => {
  const bench = new Bench();
  const first = bench.register();
  bench.append('log', 1, tag(first, 1));
  const second = bench.register();
  for (let i = 2; i < sessionsMax; i++) bench.register();
  bench.append('log', 1, tag(first, 1));
  bench.register();
  assert.is(outcome(bench.append('log', 1, tag(second, 1))), 'SESSION_EXPIRED');
  assert.is(outcome(bench.append('log', 1, tag(first, 1))), 'appended');
});

test('a closed session makes room', () => {
  const bench = new Bench();
  const sessions = Array.from({ length: sessionsMax }, () => bench.register());
  bench.apply({ op: 'closeSession', session: sessions.at(-1) as number });
  bench.register();
  assert.is(outcome(bench.append('log', 1, tag(sessions[0] as number, 1))), 'appended');
});

test('trap 37: nothing but the log decides that a session ends', () => {
  const bench = new Bench();
  const session = bench.register();
  // Stamps of a deposed leader with a clock far ahead or behind move nothing.
  for (const timeMillis of [2 ** 52, 0, 1]) {
    bench.timeMillis = timeMillis;
    bench.machine.applyNoop(bench.meta());
  }
  assert.is(outcome(bench.append('log', 1, tag(session, 1))), 'appended');
});

/** What the network does with a client's next message. */
const fates = fc.array(
  fc.record({
    client: fc.nat(2),
    /** Sent how far beyond the oldest unanswered command; a window of pipelining. */
    ahead: fc.nat(4),
    fate: fc.constantFrom('answered', 'request lost', 'reply lost', 'twice', 'delayed'),
  }),
  { maxLength: 300, size: 'max' },
);

/** A client as the model sees it. */
interface Client {
  readonly session: number;
  /** The first sequence of the record, by the sequence of the command. */
  readonly answered: Map<number, number>;
  acknowledgedBelow: number;
}

/** Three clients, a network that loses and repeats, and what the machine did, in order. */
class Model {
  readonly #bench = new Bench();
  readonly clients = [0, 1, 2].map((): Client => {
    return { session: this.#bench.register(), answered: new Map(), acknowledgedBelow: 1 };
  });
  readonly delayed: SessionTag[] = [];
  /** session:sequence of every command that appended. */
  readonly done: string[] = [];

  deliver(sent: SessionTag): Reply {
    const before = this.#bench.machine.stream('log')?.nextSeq ?? 1;
    const reply = this.#bench.append('log', 1, sent);
    const after = this.#bench.machine.stream('log')?.nextSeq ?? 1;
    if (after > before) this.done.push(`${sent.session}:${sent.sequence}`);
    return reply;
  }

  send(client: Client, ahead: number, fate: string): void {
    const sequence = client.acknowledgedBelow + ahead;
    const sent = tag(client.session, sequence, client.acknowledgedBelow);
    if (fate === 'delayed') this.delayed.push(sent);
    if (fate === 'request lost' || fate === 'delayed') return;
    const reply = this.deliver(sent);
    if (fate === 'twice') this.deliver(sent);
    if (fate !== 'reply lost') hear(client, sequence, reply);
    if (this.delayed.length > 3) this.deliver(this.delayed.shift() as SessionTag);
  }

  check(): void {
    assert.is(new Set(this.done).size, this.done.length, 'nothing twice');
    for (const { session, answered } of this.clients) {
      const mine = this.done.filter((each) => each.startsWith(`${session}:`));
      const inOrder = mine.map((_, i) => `${session}:${i + 1}`);
      assert.equal(mine, inOrder, 'in order, without gaps');
      for (const [sequence, firstSeq] of answered) {
        assert.is(this.done[firstSeq - 1], `${session}:${sequence}`, 'an answer that is true');
      }
    }
  }
}

function hear(client: Client, sequence: number, reply: Reply): void {
  if (reply.kind === 'appended') {
    const known = client.answered.get(sequence);
    assert.ok(known === undefined || known === reply.firstSeq, 'a repeat: the same answer');
    client.answered.set(sequence, reply.firstSeq);
  }
  while (client.answered.has(client.acknowledgedBelow)) client.acknowledgedBelow++;
}

test('whatever the network does, every command is done once and in order', () => {
  let commandsDone = 0;
  fc.assert(
    fc.property(fates, (steps) => {
      const model = new Model();
      for (const { client, ahead, fate } of steps) {
        model.send(model.clients[client] as Client, ahead, fate);
      }
      for (const sent of model.delayed) model.deliver(sent);
      model.check();
      commandsDone += model.done.length;
    }),
    { numRuns: 500 },
  );
  assert.ok(commandsDone > 2000, `the model has done something: ${commandsDone}`);
});

test('a session keeps its replies through many acknowledgements', () => {
  const bench = new Bench();
  const session = bench.register();
  for (let i = 1; i <= 3000; i++) {
    const below = Math.max(1, i - (i % 100));
    bench.apply({
      op: 'put',
      tag: tag(session, i, below),
      key: text('k'),
      value: text('v'),
      expectedModRevision: null,
    });
    const again = bench.apply({
      op: 'put',
      tag: tag(session, below, below),
      key: text('k'),
      value: text('v'),
      expectedModRevision: null,
    });
    assert.is(again.kind === 'put' && again.revision, below);
  }
});

test.run();
