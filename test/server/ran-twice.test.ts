/**
 * A data folder that ran twice is not used again before somebody has looked.
 */

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type OpenFolder, openDataFolder } from '../../src/server/data-folder.js';
import { markRanTwice } from '../../src/server/ran-twice.js';
import { nodeClock } from '../../src/transport/node-clock.js';
import { EventLog } from '../storage/wal-fixture.js';

const reason =
  'a refuses it: the data folder of member 3 (c) runs twice: at c:1 and at d:1; stop one';
const time = '2026-11-20T12:00:00.000Z';

/** A folder that was opened and closed before, and the incarnation in it. */
async function withFolder(
  use: (directory: string, incarnation: string, mark: string) => Promise<void>,
): Promise<void> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'quorate-twice-'));
  try {
    const folder = await open(directory);
    const { incarnation } = folder.identity;
    await folder.close();
    await use(directory, incarnation, `${directory}/ran-twice.json`);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function open(directory: string): Promise<OpenFolder> {
  const deps = { clock: nodeClock, log: new EventLog(), fatal: assert.unreachable };
  return openDataFolder({ path: directory, serverName: 'c', clusterName: 'test' }, deps);
}

async function fault(directory: string): Promise<string> {
  try {
    await (await open(directory)).close();
  } catch (error) {
    return (error as Error).message;
  }
  return 'it was opened';
}

test('a folder that is marked is not opened, and says why and what to do in one line', () =>
  withFolder(async (directory, incarnation, mark) => {
    markRanTwice(directory, { incarnation, time, reason }, new EventLog());
    for (let again = 0; again < 2; again++) {
      const told = await fault(directory);
      for (const part of [directory, reason, mark, 'move it away', 'move that file away']) {
        assert.ok(told.includes(part), `${part} in ${told}`);
      }
      assert.not.match(told, /\n/);
    }
    fs.rmSync(mark);
    assert.is(await fault(directory), 'it was opened');
  }));

test('a mark of an incarnation that is gone is void', () =>
  withFolder(async (directory, incarnation, mark) => {
    markRanTwice(directory, { incarnation: `${incarnation}0`, time, reason }, new EventLog());
    assert.ok(fs.existsSync(mark));
    assert.is(await fault(directory), 'it was opened');
  }));

test('a mark that does not read keeps the folder closed', () =>
  withFolder(async (directory, incarnation, mark) => {
    for (const text of ['', '{', 'null', '[]', `{"incarnation":"${incarnation}"}`]) {
      fs.writeFileSync(mark, text);
      assert.match(await fault(directory), /ran twice \(/, text);
    }
  }));

test('a folder that cannot be marked does not keep the process from its end', () =>
  withFolder(async (directory, incarnation) => {
    const log = new EventLog();
    markRanTwice(`${directory}/none`, { incarnation, time, reason }, log);
    assert.equal(log.events, ['the data folder could not be marked']);
  }));

test.run();
