/**
 * A rescued data folder: power cuts at every operation of the rescue, and of what finishes it
 * later. The folder is the old member's as it was, or the new cluster's with the forced
 * configuration on disk; never anything between.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import { rescueEntry } from '../../src/membership/rescue.js';
import type { Entry, Membership } from '../../src/raft/types.js';
import type { DiskError } from '../../src/storage/disk.js';
import { type Identity, loadIdentity, saveIdentity } from '../../src/storage/identity.js';
import { asideFolder, settleLog, writeRescued } from '../../src/storage/rescue.js';
import type { OpenedWal } from '../../src/storage/wal.js';
import { type Fate, MemoryDisk } from './memory-disk.js';
import { base, checksum, commands, WalFixture } from './wal-fixture.js';

const segmentBytesMax = 4096;
const newId = 'b'.repeat(64);
const place = { clusterName: 'c', clusterId: 'a'.repeat(64), memberId: 2, joinIndex: 0 };
const identity: Identity = {
  privateKey: Uint8Array.of(1, 2),
  incarnation: 'i2',
  membership: place,
};
const next = { ...identity, incarnation: 'i9', membership: { ...place, clusterId: newId } };

// Two terms over several segments, with a cut in between: what was cut must not come back.
const lastIndex = 43;
const hardState = { term: 7, vote: 3 };
const forced = rescueEntry(
  {
    memberId: 2,
    configuration: base.configuration,
    lastTerm: 5,
    lastIndex,
    hasEntries: true,
  },
  { id: 2, peerId: 'p2', incarnation: 'i9', name: 'n2' },
  { term: 8, timeMillis: 99_000, reason: 'rebuilt' },
);

function walAt(disk: MemoryDisk, directory: string, { clusterId, memberId }: Membership) {
  return new WalFixture(disk, { directory, clusterId, memberId, segmentBytesMax });
}

/** The data folder of a member that was stopped. */
function stoppedMember(): MemoryDisk {
  const fixture = walAt(new MemoryDisk(), 'data/log', place);
  const { store } = fixture.create();
  const write = (truncateFrom: number | null, entries: readonly Entry[]): void => {
    store.append({ truncateFrom, hardState, entries }, () => {});
    fixture.settle();
  };
  write(null, commands(4, 20, 3, 300));
  write(15, commands(15, lastIndex, 5, 300));
  fixture.close(store);
  saveIdentity(checkedFolder(fixture.disk), identity, () => {});
  fixture.settle();
  return fixture.disk.clone();
}

function checkedFolder(disk: MemoryDisk) {
  return { disk, directory: 'data', checksum };
}

/** Rescues until the end or a power cut. @returns whether it said that it was done. */
function rescue(disk: MemoryDisk, source: OpenedWal, fixture: WalFixture): boolean {
  let isDone = false;
  const folder = checkedFolder(disk);
  const order = { folder, identity, next, source, entry: forced, segmentBytesMax };
  const wanted = { ...order, hardState: { term: 8, vote: 2 } };
  writeRescued(wanted, fixture.deps, (error) => {
    assert.is(error, null);
    isDone = true;
  });
  fixture.settle();
  return isDone;
}

const before = [...commands(4, 14, 3, 300), ...commands(15, lastIndex, 5, 300)];

/** Checks the folder as a start of the server would find it. @returns whose it is. */
function judge(disk: MemoryDisk, crashAt = Number.POSITIVE_INFINITY): 'old' | 'new' | 'crashed' {
  disk.isManual = true;
  disk.crashAt = crashAt;
  let found: Identity | null = null;
  loadIdentity(checkedFolder(disk), (error, loaded) => {
    assert.is(error, null);
    found = loaded;
  });
  disk.drain();
  if (disk.isCrashed) return 'crashed';
  const membership = (found as Identity | null)?.membership ?? assert.unreachable('no identity');
  const { clusterId } = membership as unknown as Membership;
  let settled: DiskError | null | undefined;
  settleLog(disk, 'data', clusterId, (error) => {
    settled = error;
  });
  disk.drain();
  if (disk.isCrashed) return 'crashed';
  // Cuts while a log is opened are those of wal-crash.test.ts.
  disk.crashAt = Number.POSITIVE_INFINITY;
  assert.is(settled, null);
  if (clusterId === place.clusterId) {
    assertOld(walAt(disk, 'data/log', place));
    return 'old';
  }
  assert.is(clusterId, newId);
  const fixture = walAt(disk, 'data/log', next.membership);
  const { store, recovered } = fixture.open();
  assert.equal(recovered.hardState, { term: 8, vote: 2 });
  assert.is(recovered.lastIndex, lastIndex + 1, 'the forced configuration is on disk');
  assert.equal(recovered.configurations.at(-1)?.configuration, forced.configuration);
  assertEntries(fixture.read(store, 4, lastIndex + 1), [...before, forced]);
  assertOld(walAt(disk, `${asideFolder('data', newId)}/log`, place));
  return 'new';
}

function assertOld(fixture: WalFixture): void {
  const { store, recovered } = fixture.open();
  assert.equal(recovered.hardState, hardState);
  assert.is(recovered.lastIndex, lastIndex);
  assertEntries(fixture.read(store, 4, lastIndex), before);
}

function assertEntries(found: readonly Entry[], wanted: readonly Entry[]): void {
  const plain = (entries: readonly Entry[]) => entries.map(({ encoded: _, ...rest }) => rest);
  assert.equal(plain(found), plain(wanted));
}

const fates = (seed: number): ((what: string) => Fate)[] => {
  const rng = new Rng(seed);
  const any: readonly Fate[] = ['old', 'new', 'zero'];
  return [() => 'old', () => 'new', () => any[rng.below(3)] as Fate];
};

test('trap 21: a power cut at every step leaves the old member, or the whole new cluster', () => {
  const outcomes = new Set<string>();
  const member = stoppedMember();
  for (let crashAt = 1; ; crashAt++) {
    const disk = member.clone();
    const fixture = walAt(disk, 'data/log', place);
    const source = fixture.open();
    disk.crashAt = disk.operations + crashAt;
    const isDone = rescue(disk, source, fixture);
    for (const fate of fates(crashAt)) {
      const whose = judge(disk.afterCrash(fate));
      if (isDone) assert.is(whose, 'new');
      outcomes.add(`${isDone} ${whose}`);
    }
    if (!disk.isCrashed) break;
  }
  assert.equal([...outcomes].sort(), ['false new', 'false old', 'true new']);
});

test('what a power cut left is finished at the next start, cut after cut', () => {
  const member = stoppedMember();
  const fixture = walAt(member, 'data/log', place);
  const source = fixture.open();
  assert.ok(rescue(member, source, fixture));
  const steps = member.trace.length - member.trace.lastIndexOf('rename data/identity.json.tmp');
  let crashes = 0;
  for (let back = 0; back < steps; back++) {
    const again = stoppedMember();
    const wal = walAt(again, 'data/log', place);
    const opened = wal.open();
    again.crashAt = member.operations - back;
    assert.not.ok(rescue(again, opened, wal));
    for (let crashAt = 1; crashAt < 8; crashAt++) {
      for (const fate of fates(back * 10 + crashAt)) {
        const left = again.afterCrash(fate);
        if (judge(left, crashAt) !== 'crashed') continue;
        crashes++;
        for (const other of fates(crashAt)) judge(left.afterCrash(other));
      }
    }
  }
  assert.ok(crashes > 50, `only ${crashes} crashes`);
});

test('the old folder is kept whole, with the identity that fits it', () => {
  const disk = stoppedMember();
  const fixture = walAt(disk, 'data/log', place);
  assert.ok(rescue(disk, fixture.open(), fixture));
  let kept: Identity | null = null;
  const directory = asideFolder('data', newId);
  loadIdentity({ disk, directory, checksum }, (_error, loaded) => {
    kept = loaded;
  });
  disk.drain();
  assert.equal(kept, identity);
  assert.is(judge(disk), 'new');
});

test.run();
