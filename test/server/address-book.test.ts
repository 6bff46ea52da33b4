/**
 * The address book of a data folder: saved often, one save at a time, and the latest word stays.
 */

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openDataFolder } from '../../src/server/data-folder.js';
import { nodeClock } from '../../src/transport/node-clock.js';
import { EventLog } from '../storage/wal-fixture.js';

test('saves that come while another is under way do not meet; the last one counts', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'quorate-book-'));
  const log = new EventLog();
  const deps = { clock: nodeClock, log, fatal: assert.unreachable };
  const options = { path: directory, serverName: 'a', clusterName: 'test' };
  const folder = await openDataFolder(options, deps);
  for (let n = 1; n <= 30; n++) {
    folder.saveAddresses([{ peerId: 'peer', addresses: [`10.0.0.${n}:5555`] }]);
  }
  const closed = folder.close();
  folder.saveAddresses([{ peerId: 'peer', addresses: ['10.0.0.31:5555'] }]);
  await closed;
  assert.equal(log.events, []);
  const [file] = fs.readdirSync(directory).filter((name) => name.startsWith('peers.json'));
  assert.is(file, 'peers.json', 'no save is under way any more');
  assert.match(fs.readFileSync(path.join(directory, 'peers.json'), 'utf8'), '10.0.0.30:5555');
  fs.rmSync(directory, { recursive: true, force: true });
});

test.run();
