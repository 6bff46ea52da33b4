/**
 * The file of what a server has signed: it comes back whole, a crash leaves the old one or the new,
 * and one that cannot be read is never taken for none.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SignedFounding } from '../../src/base/founding-record.js';
import type { CheckedFolder } from '../../src/storage/checked-file.js';
import { loadFounding, saveFounding } from '../../src/storage/founding-file.js';
import { type Fate, MemoryDisk } from './memory-disk.js';
import { checksum } from './wal-fixture.js';

const path = 'data/founding.json';
const record = {
  format: 1,
  clusterName: 'grün',
  founders: [
    { peerId: 'p1', incarnation: '0123456789abcdef', name: 'a' },
    { peerId: 'p2', incarnation: '0123456789abcde0', name: 'b' },
  ],
  nonce: '00112233445566778899',
};
const signed: SignedFounding = { record, signatures: [{ peerId: 'p1', signature: 'aabb' }] };
const certificate: SignedFounding = {
  record,
  signatures: [...signed.signatures, { peerId: 'p2', signature: 'ccdd' }],
};

function folderOf(disk: MemoryDisk): CheckedFolder {
  disk.isManual = true;
  return { disk, directory: 'data', checksum };
}

/** Whether `done` came. */
function save(disk: MemoryDisk, founding: SignedFounding): boolean {
  let isDone = false;
  saveFounding(folderOf(disk), founding, (error) => {
    assert.is(error, null);
    isDone = true;
  });
  disk.drain();
  return isDone;
}

function load(disk: MemoryDisk): SignedFounding | null | string {
  let found: SignedFounding | null | string = 'no answer';
  loadFounding(folderOf(disk), (error, founding) => {
    found = error?.code ?? founding;
  });
  disk.drain();
  return found;
}

test('a signature comes back, then the certificate; a folder without one has none', () => {
  const disk = new MemoryDisk();
  assert.is(load(disk), null);
  for (const founding of [signed, certificate]) {
    save(disk, founding);
    assert.equal(load(disk), founding);
  }
});

test('what was said to be on disk is there after a power cut at any later step', () => {
  const seen = new Set<string>();
  for (const before of [null, signed]) {
    const after = before === null ? signed : certificate;
    for (let crashAt = 1; crashAt <= 8; crashAt++) {
      for (const fate of ['old', 'new', 'zero'] as Fate[]) {
        const disk = new MemoryDisk();
        if (before !== null) save(disk, before);
        disk.crashAt = disk.operations + crashAt;
        const isDone = save(disk, after);
        const found = load(disk.afterCrash(() => fate));
        const wanted = isDone ? [after] : [before, after];
        assert.ok(
          wanted.some((each) => JSON.stringify(each) === JSON.stringify(found)),
          `crash ${crashAt}, ${fate}: ${JSON.stringify(found)}`,
        );
        seen.add(`${isDone} ${JSON.stringify(found) === JSON.stringify(after)}`);
      }
    }
  }
  assert.equal([...seen].sort(), ['false false', 'false true', 'true true']);
});

test('what was read once is on disk: a power cut after a restart does not take it back', () => {
  const disk = new MemoryDisk();
  // Killed between the name and the sync of the folder: the name is in the cache alone.
  disk.faultAt = (_, name) => (name.startsWith('syncdir') ? { code: 'EIO' } : null);
  saveFounding(folderOf(disk), signed, () => {});
  disk.drain();
  disk.faultAt = () => null;
  assert.equal(load(disk), signed);
  assert.equal(load(disk.afterCrash(() => 'old')), signed);
});

test('a file that is damaged, of a newer version or not whole is an error, never none', () => {
  const rows: [string, string][] = [
    ['{"format":2}', 'NEWER_FORMAT'],
    ['{"format":1}', 'DAMAGED'],
    ['{"format":1,"record":null,"signatures":[]}', 'DAMAGED'],
    [`{"format":1,"record":${JSON.stringify(record)}}`, 'DAMAGED'],
    [
      `{"format":1,"record":${JSON.stringify({ ...record, nonce: 'x' })},"signatures":[]}`,
      'DAMAGED',
    ],
  ];
  for (const [body, expected] of rows) {
    const disk = new MemoryDisk();
    const crc = checksum(new TextEncoder().encode(body), 0).toString(16).padStart(8, '0');
    disk.put(path, new TextEncoder().encode(`${body}\n${crc}\n`));
    assert.is(load(disk), expected, body);
  }
  const disk = new MemoryDisk();
  save(disk, signed);
  disk.peek(path)[20] = 0;
  assert.is(load(disk), 'DAMAGED');
});

test.run();
