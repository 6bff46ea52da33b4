/**
 * The time limits of commands: five seconds unless said otherwise, and longer where a member is
 * taken out, since the leader may have to lead for a while first.
 */

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withClient, withPatientClient } from '../../src/cli/context.js';
import { createServer } from '../../src/server/embed.js';

test('to take a member out waits longer than the leader takes to refuse, unless told', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quorate-context-'));
  const server = await createServer({
    id: 'one',
    listen: '127.0.0.1:0',
    data: folder,
    mdns: false,
  });
  try {
    const targets = server.addresses;
    const limits: number[] = [];
    await withClient({ targets }, async (context) => {
      limits.push(context.timeoutMillisEach);
    });
    await withPatientClient({ targets }, async (context) => {
      limits.push(context.timeoutMillis, context.timeoutMillisEach);
    });
    await withPatientClient({ targets, timeout: 1234 }, async (context) => {
      limits.push(context.timeoutMillisEach);
      assert.ok(context.timeoutMillis <= 1234);
    });
    // The leader gives up after 20 s (`changeMillisMax`), with a reason.
    assert.equal(limits, [5000, 30_000, 30_000, 1234]);
  } finally {
    await server.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
