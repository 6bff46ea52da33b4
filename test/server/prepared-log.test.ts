/**
 * A log whose first segment was made ahead, in a real data folder: used once, by the process that
 * made it, whole; and no other file is left of it.
 */

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Membership } from '../../src/raft/types.js';
import { type OpenFolder, openDataFolder } from '../../src/server/data-folder.js';
import { foundAlone } from '../../src/server/founding.js';
import { segmentBytesMaxDefault } from '../../src/storage/wal-options.js';
import { nodeClock } from '../../src/transport/node-clock.js';
import { EventLog } from '../storage/wal-fixture.js';

const segmentName = '000000000001.wal';

async function withFolder(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'quorate-prepared-'));
  try {
    await use(directory);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function open(directory: string): Promise<OpenFolder> {
  const deps = { clock: nodeClock, log: new EventLog(), fatal: assert.unreachable };
  return openDataFolder({ path: directory, serverName: 'a', clusterName: 'test' }, deps);
}

/** Founds a cluster of one in the folder; what is in the folder then. */
async function found(folder: OpenFolder, directory: string): Promise<readonly string[]> {
  const { incarnation } = folder.identity;
  const { clusterId, memberId, base } = foundAlone('test', {
    peerId: 'aa',
    incarnation,
    name: 'a',
  });
  const place = { clusterName: 'test', clusterId, memberId, joinIndex: 0 };
  const { store } = await folder.foundLog(place, base);
  await new Promise<void>((closed) => store.close(closed));
  const { size } = fs.statSync(path.join(directory, 'log', segmentName));
  assert.is(size, segmentBytesMaxDefault);
  return fs.readdirSync(directory).sort();
}

test('a log is founded in the prepared segment, also while that is still being made', async () => {
  await withFolder(async (directory) => {
    const folder = await open(directory);
    folder.prepareLog();
    const names = await found(folder, directory);
    assert.not(
      names.some((name) => name.startsWith('prepared')),
      names.join(),
    );
    await folder.close();
    const again = await open(directory);
    const { membership } = again;
    assert.ok(membership);
    const { store } = await again.openLog(membership as Membership);
    await new Promise<void>((closed) => store.close(closed));
    await again.close();
  });
});

test('a folder is given free only when nothing is written there any more', async () => {
  await withFolder(async (directory) => {
    const folder = await open(directory);
    folder.prepareLog();
    await folder.close();
    const names = fs.readdirSync(directory).filter((name) => name.startsWith('prepared'));
    assert.equal(names, ['prepared.wal']);
    assert.is(fs.statSync(path.join(directory, 'prepared.wal')).size, segmentBytesMaxDefault);
  });
});

test('what another process prepared is removed, never used', async () => {
  await withFolder(async (directory) => {
    fs.writeFileSync(path.join(directory, 'prepared.wal'), 'half of it');
    fs.writeFileSync(path.join(directory, 'prepared.wal.tmp'), 'half of it');
    const folder = await open(directory);
    const names = await found(folder, directory);
    assert.not(
      names.some((name) => name.startsWith('prepared')),
      names.join(),
    );
    await folder.close();
  });
});

test.run();
