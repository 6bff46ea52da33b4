/**
 * The checkers catch what they are there for: each row is a world in which one promise is broken,
 * in the fewest events, and the words by which it is told.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ApplyMeta } from '../../src/machine/commands.js';
import type { Configuration, Entry, LogBase } from '../../src/raft/types.js';
import type { RecoveredLog } from '../../src/storage/log-store.js';
import { ClientJudge } from './client-judge.js';
import { CommitChecker } from './commit-checker.js';
import { ConfigurationChecker } from './configuration-checker.js';
import { LogChecker } from './log-checker.js';
import { MachineModel } from './machine-model.js';
import { Marks } from './marks.js';
import { RecoveryChecker } from './recovery-checker.js';
import { type Persist, Shadow } from './shadow.js';
import { Violation } from './violation.js';
import { VoteChecker } from './vote-checker.js';

function configuration(voters: readonly number[], outgoing: readonly number[] = []): Configuration {
  return {
    voters,
    votersOutgoing: outgoing,
    learners: [],
    learnersNext: [],
    members: voters.map((id) => ({ id, peerId: `p${id}`, incarnation: `i${id}`, name: `s${id}` })),
    reason: 'test',
  };
}

const base: LogBase = {
  index: 1,
  term: 0,
  configurationIndex: 1,
  configuration: configuration([1, 2, 3]),
};

function entry(index: number, term: number): Entry {
  const data = new Uint8Array(0);
  return { index, term, kind: 'noop', timeMillis: 0, data, configuration: null, encoded: null };
}

function persist(entries: readonly Entry[], truncateFrom: number | null = null): Persist {
  const last = entries[entries.length - 1];
  const [lastIndex, lastTerm] = [last?.index ?? 1, last?.term ?? 0];
  return { type: 'persist', hardState: null, truncateFrom, entries, lastIndex, lastTerm };
}

/** Three members of one cluster, and the checkers over them. */
class Table {
  readonly marks = new Marks();
  readonly shadows = new Map([1, 2, 3].map((id) => [id, new Shadow(id, `s${id}`, base)]));
  readonly commits = new CommitChecker(this.shadows);
  readonly log = new LogChecker(this.commits, this.marks);
  readonly votes = new VoteChecker();
  readonly recovery = new RecoveryChecker(this.marks);
  readonly configurations = new ConfigurationChecker(this.marks);

  readonly one = this.at(1);

  constructor() {
    this.commits.commitMax = base.index;
  }

  at(id: number): Shadow {
    return this.shadows.get(id) as Shadow;
  }

  /** Puts entry `index` into the logs of these members, and on their disks. */
  write(ids: readonly number[], index: number, term: number, hash = index * 100 + term): void {
    for (const id of ids) {
      this.at(id).memory.add(index, term, hash);
      this.at(id).disk.add(index, term, hash);
      this.log.onDisk(this.at(id), index, term, hash);
    }
  }

  recovered(lastIndex: number, term: number): RecoveredLog {
    const termRuns = lastIndex > 1 ? [{ firstIndex: 2, term }] : [];
    const hardState = { term: 0, vote: 0 };
    const parts = { hardState, base, termRuns, configurations: [], lastIndex, tail: [] };
    return { ...parts, tornBytes: 0 };
  }
}

const rows: readonly (readonly [string, RegExp, (table: Table) => void])[] = [
  [
    'two leaders in one term',
    /two leaders in term 5/,
    (table) => {
      table.log.elected(table.at(1), 5);
      table.log.elected(table.at(2), 5);
    },
  ],
  [
    'a leader without what is committed',
    /leader completeness/,
    (table) => {
      table.write([1, 2], 2, 1);
      table.at(1).term = 1;
      table.commits.committed(table.at(1), 2);
      table.log.elected(table.at(3), 2);
    },
  ],
  [
    'a leader that cuts its log',
    /append-only/,
    (table) => {
      table.write([1], 2, 1);
      table.log.persists(table.at(1), persist([entry(2, 2)], 2), {
        leads: true,
        term: 2,
      });
    },
  ],
  [
    'a committed entry that is cut',
    /what is committed/,
    (table) => {
      table.write([1, 2], 2, 1);
      table.commits.committed(table.at(1), 2);
      table.log.persists(table.at(2), persist([entry(2, 2)], 2), {
        leads: false,
        term: 2,
      });
    },
  ],
  [
    'logs that differ at one index and term',
    /logs do not match/,
    (table) => {
      table.write([1], 2, 1, 7);
      table.write([2], 2, 1, 8);
    },
  ],
  [
    'a commit that one disk of three holds',
    /with 1 of 3 disks/,
    (table) => {
      table.write([1], 2, 1);
      table.commits.committed(table.at(1), 2);
    },
  ],
  [
    'a commit that only one half of a joint phase holds',
    /disks/,
    (table) => {
      table.write([1, 2], 2, 1);
      table.at(1).configuration = configuration([1, 2], [2, 3]);
      table.commits.committed(table.at(1), 2);
    },
  ],
  [
    'two entries committed at one index',
    /another entry at 2/,
    (table) => {
      table.write([1, 2], 2, 1, 7);
      table.commits.committed(table.at(1), 2);
      table.at(3).memory.add(2, 3, 8);
      table.commits.committed(table.at(3), 2);
    },
  ],
  [
    'a second vote in a term',
    /votes twice in term 4/,
    ({ votes, one }) => {
      votes.hardState(one, { term: 4, vote: 2 });
      votes.hardState(one, { term: 4, vote: 3 });
    },
  ],
  [
    'a vote that is said before it is on disk',
    /before that is on disk/,
    ({ votes, one }) => {
      const head = { type: 'voteReply', from: 1, to: 2, term: 4 } as const;
      votes.sent(one, { ...head, preVote: false, granted: true });
    },
  ],
  [
    'an acknowledgement ahead of the disk',
    /its disk ends at 1/,
    ({ votes, one }) => {
      const head = { type: 'appendReply', from: 1, to: 2, term: 0 } as const;
      votes.sent(one, { ...head, sequence: 1, ok: true, index: 2, hintIndex: 0, hintTerm: 0 });
    },
  ],
  [
    'a log that forgot its last entry',
    /s1 forgot/,
    (table) => {
      table.write([1], 2, 1);
      table.recovery.opened(table.at(1), table.recovered(1, 1));
    },
  ],
  [
    'a change begun before the last one is committed',
    /begins change 3/,
    ({ configurations, one }) => {
      one.configurationIndex = 2;
      configurations.proposed(one, entry(3, 1));
    },
  ],
  [
    'a change begun before an entry of the own term is committed',
    /before it committed in its own term/,
    ({ configurations, one }) => {
      one.term = 1;
      configurations.proposed(one, entry(3, 1));
    },
  ],
  [
    'a configuration that was cut and still decides',
    /goes by configuration 3, its log ends with 2/,
    ({ configurations, one }) => {
      one.configurationIndexes = [2];
      one.configurationIndex = 3;
      configurations.inForce(one);
    },
  ],
  [
    'a commit by half of an even number',
    /with 1 of 2 disks/,
    (table) => {
      table.write([1], 2, 1);
      table.at(1).configuration = configuration([1, 2]);
      table.commits.committed(table.at(1), 2);
    },
  ],
  [
    'configurations whose quorums need not meet',
    /without a common member/,
    ({ configurations }) => {
      configurations.committed(1, configuration([1, 2, 3]));
      configurations.committed(2, configuration([3, 4, 5]));
    },
  ],
];

for (const [what, words, work] of rows) {
  test(`caught: ${what}`, () => {
    const table = new Table();
    assert.throws(
      () => work(table),
      (error: unknown) => error instanceof Violation && words.test(error.message),
    );
  });
}

test('a late leader of a term that is over need not have what later terms committed', () => {
  const table = new Table();
  table.write([1, 2], 2, 5);
  table.at(1).term = 5;
  table.commits.committed(table.at(1), 2);
  table.log.elected(table.at(3), 4);
  assert.is(table.log.elections, 1);
});

test('a late append of an earlier leader may cut what a later one has committed', () => {
  const table = new Table();
  table.write([1, 2, 3], 2, 1);
  table.at(1).term = 3;
  table.commits.committed(table.at(1), 2);
  const cut = persist([entry(2, 2)], 2);
  table.log.persists(table.at(3), cut, { leads: false, term: 2 });
  assert.is(table.marks.count('log truncated'), 1);
  const late = { leads: false, term: 3 };
  assert.throws(() => table.log.persists(table.at(3), cut, late), /what is committed/);
});

const metaOf = (index: number): ApplyMeta => ({ index, term: 1, timeMillis: 0 });

function told(): { model: MachineModel; judge: ClientJudge } {
  const model = new MachineModel();
  const bytes = (text: string): Uint8Array => Buffer.from(text);
  const put = (value: string) =>
    ({
      op: 'put',
      tag: null,
      key: bytes('k'),
      value: bytes(value),
      expectedModRevision: null,
    }) as const;
  model.apply(metaOf(2), put('c1-1-a'));
  model.apply(metaOf(3), put('c1-2-b'));
  model.apply(metaOf(4), {
    op: 'append',
    tag: null,
    stream: 's',
    records: [bytes('c1-3-x')],
  });
  return { model, judge: new ClientJudge(model, new Marks()) };
}

const old = {
  key: Buffer.from('k'),
  value: Buffer.from('c1-1-a'),
  createRevision: 1,
  modRevision: 1,
  version: 1,
};

test('the judge knows an old answer from a stale one', () => {
  const { judge } = told();
  judge.got('k', old, null);
  judge.got('k', old, 2);
  assert.throws(() => judge.got('k', old, 3), /get k gave/);
  assert.throws(() => judge.got('k', null, 2), /get k gave/);
  judge.read('s', 1, { records: [], nextSeq: 1, firstSeq: 1, complete: true }, 3);
  assert.throws(
    () => judge.read('s', 1, { records: [], nextSeq: 1, firstSeq: 1, complete: true }, 4),
    /stale read of s/,
  );
});

test('the judge misses nothing that was acknowledged, doubled or refused', () => {
  const { judge } = told();
  judge.appended('s', ['c1-3-x'], 1, 4);
  assert.throws(() => judge.appended('s', ['c1-4-y'], 2, 5), /is not there/);
  assert.throws(() => judge.put('k', 'c1-2-b', { revision: 1, index: 3 }), /is not there/);
  judge.finish(() => true);
  judge.failed('c1-3-x', true);
  assert.throws(() => judge.finish(() => true), /refused for certain, and done/);
  const { model, judge: other } = told();
  model.apply(metaOf(5), {
    op: 'append',
    tag: null,
    stream: 's',
    records: [Buffer.from('c1-3-x')],
  });
  assert.throws(() => other.finish(() => false), /was done twice/);
});

test.run();
