/**
 * An inspection tells every record in order, and what is wrong, and changes nothing.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inspectLog, type LogRecord } from '../../src/storage/inspect.js';
import { MemoryDisk } from './memory-disk.js';
import { checksum, commands, WalFixture } from './wal-fixture.js';

function inspect(disk: MemoryDisk): string[] {
  disk.isManual = true;
  const told: string[] = [];
  const operations = disk.operations;
  let isDone = false;
  const tell = (record: LogRecord, place: { file: string; offset: number }): void => {
    const file = place.file.slice(-7);
    if (record.type === 'entry') told.push(`entry ${record.index} of term ${record.term}`);
    else if (record.type === 'truncate') told.push(`truncate from ${record.from}`);
    else if (record.type === 'hardState') told.push(`hardState ${record.hardState.term}`);
    else if (record.type === 'damage') told.push(`${record.code}: ${record.message}`);
    else told.push(`${record.type} ${file} ${place.offset}`);
  };
  inspectLog('data/wal', { disk, checksum }, tell, (error) => {
    assert.is(error, null);
    isDone = true;
  });
  disk.drain();
  assert.ok(isDone);
  assert.is(disk.operations, operations);
  return told;
}

function makeLog(): WalFixture {
  const fixture = new WalFixture(new MemoryDisk(), { segmentBytesMax: 4096 });
  const { store } = fixture.create();
  const append = (truncateFrom: number | null, term: number, first: number, last: number) => {
    const entries = commands(first, last, term, 700);
    // The second segment repeats the hard state though nobody sets it again.
    const hardState = term === 1 ? { term, vote: 1 } : null;
    store.append({ truncateFrom, hardState, entries }, () => {});
    fixture.settle();
  };
  append(null, 1, 4, 5);
  append(5, 2, 5, 6);
  fixture.close(store);
  return fixture;
}

const records = [
  'segment 001.wal 0',
  'base 001.wal 512',
  'hardState 0',
  'cleanStop 001.wal 512',
  'hardState 1',
  'entry 4 of term 1',
  'entry 5 of term 1',
];
const later = [
  'segment 002.wal 0',
  'hardState 1',
  'truncate from 5',
  'entry 5 of term 2',
  'entry 6 of term 2',
  'cleanStop 002.wal 2560',
];

test('every record is told in the order of writing', () => {
  assert.equal(inspect(makeLog().disk), [...records, ...later]);
});

test('damage is told with its place, and what lies behind it as well', () => {
  const { disk } = makeLog();
  const bytes = disk.peek('data/wal/000000000001.wal');
  bytes[1600] = 0xff;
  const told = inspect(disk);
  assert.equal(told.slice(0, 4), records.slice(0, 4));
  assert.ok(told.some((line) => line.startsWith('tornTail 001.wal 1024')));
  assert.ok(told.some((line) => line.includes('001.wal: damaged at byte 1024, entries 4 … 5')));
  assert.equal(
    told.filter((line) => later.includes(line)),
    later,
  );
});

test.run();
