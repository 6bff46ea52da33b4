/**
 * The small files of a data folder: identity and address book.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadAddressBook, saveAddressBook } from '../../src/storage/address-book.js';
import type { CheckedFolder } from '../../src/storage/checked-file.js';
import type { DiskError } from '../../src/storage/disk.js';
import { type Identity, loadIdentity, saveIdentity } from '../../src/storage/identity.js';
import { type Fate, MemoryDisk } from './memory-disk.js';
import { checksum, EventLog } from './wal-fixture.js';

const path = 'data/identity.json';
const young: Identity = {
  privateKey: Uint8Array.of(1, 0, 255),
  incarnation: 'abcd',
  membership: null,
};
const grown: Identity = {
  ...young,
  membership: { clusterName: 'grün', clusterId: 'id-1', memberId: 3, joinIndex: 3 },
};

function folderOf(disk: MemoryDisk): CheckedFolder {
  disk.isManual = true;
  return { disk, directory: 'data', checksum };
}

function save(disk: MemoryDisk, identity: Identity): boolean {
  let isDone = false;
  saveIdentity(folderOf(disk), identity, (error) => {
    assert.is(error, null);
    isDone = true;
  });
  disk.drain();
  return isDone;
}

function load(disk: MemoryDisk): Identity | null | string {
  let found: Identity | null | string = 'no answer';
  loadIdentity(folderOf(disk), (error: DiskError | null, identity) => {
    found = error?.code ?? identity;
  });
  disk.drain();
  return found;
}

test('an identity comes back, and a folder without one has none', () => {
  const disk = new MemoryDisk();
  assert.is(load(disk), null);
  const former = { clusterId: 'id-1', memberId: 3, log: 'put-out' };
  for (const identity of [young, grown, { ...young, former }]) {
    save(disk, identity);
    assert.equal(load(disk), identity);
  }
});

test('a crash at every step of saving leaves the old identity or the new', () => {
  const seen = new Set<string>();
  for (let crashAt = 1; crashAt <= 8; crashAt++) {
    for (const fate of ['old', 'new', 'zero'] as readonly Fate[]) {
      const disk = new MemoryDisk();
      save(disk, young);
      disk.crashAt = disk.operations + crashAt;
      const isDone = save(disk, grown);
      const found = load(disk.afterCrash(() => fate));
      const isNew = JSON.stringify(found) === JSON.stringify(grown);
      const isOld = JSON.stringify(found) === JSON.stringify(young);
      assert.ok(
        isNew || (isOld && !isDone),
        `crash at ${crashAt}, ${fate}: ${JSON.stringify(found)}`,
      );
      seen.add(`${isDone} ${isNew}`);
    }
  }
  assert.equal([...seen].sort(), ['false false', 'false true', 'true true']);
});

test('every flipped bit and every cut of the file is noticed', () => {
  const disk = new MemoryDisk();
  save(disk, grown);
  const bytes = disk.peek(path);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const at = bit >> 3;
    bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7));
    assert.is(load(disk), 'DAMAGED', `bit ${bit}`);
    bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7));
  }
  for (let length = 0; length < bytes.length; length++) {
    const cut = new MemoryDisk();
    cut.put(path, bytes.slice(0, length));
    assert.is(load(cut), 'DAMAGED', `cut to ${length}`);
  }
});

test('a newer format is refused as such, and missing fields are damage', () => {
  const rows: [string, string][] = [
    ['{"format":3}', 'NEWER_FORMAT'],
    ['{}', 'NEWER_FORMAT'],
    ['{"format":1}', 'DAMAGED'],
    ['{"format":1,"privateKey":"0g","incarnation":"a","membership":null}', 'DAMAGED'],
    ['{"format":1,"privateKey":"00","incarnation":"a","membership":{}}', 'DAMAGED'],
    [withFormer('{}'), 'DAMAGED'],
    [withFormer('{"clusterId":"c","memberId":1,"log":"../x"}'), 'DAMAGED'],
    ['[1]', 'NEWER_FORMAT'],
    ['3', 'DAMAGED'],
    ['{', 'DAMAGED'],
  ];
  for (const [body, expected] of rows) {
    const disk = new MemoryDisk();
    const crc = checksum(new TextEncoder().encode(body), 0).toString(16).padStart(8, '0');
    disk.put(path, new TextEncoder().encode(`${body}\n${crc}\n`));
    assert.is(load(disk), expected, body);
  }
});

test('an address book comes back; one that cannot be read is empty, with a warning', () => {
  const disk = new MemoryDisk();
  const folder = folderOf(disk);
  const log = new EventLog();
  const book = () => {
    let found: unknown = null;
    loadAddressBook(folder, log, (peers) => {
      found = peers;
    });
    disk.drain();
    return found;
  };
  assert.equal(book(), []);
  const peers = [{ peerId: 'p1', addresses: ['/ip4/10.0.0.1/tcp/4000', '/dns4/a/tcp/1'] }];
  saveAddressBook(folder, peers, (error) => assert.is(error, null));
  disk.drain();
  assert.equal(book(), peers);
  assert.equal(log.events, []);
  disk.peek('data/peers.json')[5] = 0;
  assert.equal(book(), []);
  assert.equal(log.events, ['address book unreadable, starting anew']);
});

function withFormer(former: string): string {
  return `{"format":2,"privateKey":"00","incarnation":"a","membership":null,"former":${former}}`;
}

test.run();
