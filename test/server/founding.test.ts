/**
 * The data folder of a server that founds with others, and the cluster of one: what is signed comes
 * back, binds the folder to its name and cluster, and can be looked at.
 */

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SignedFounding } from '../../src/base/founding-record.js';
import { foundingRecord } from '../../src/membership/founding-record.js';
import { type OpenFolder, openDataFolder } from '../../src/server/data-folder.js';
import { foundAlone, randomHex, sha256 } from '../../src/server/founding.js';
import { inspectFolder } from '../../src/server/inspect.js';
import type { DiskError } from '../../src/storage/disk.js';
import { nodeClock } from '../../src/transport/node-clock.js';
import { EventLog } from '../storage/wal-fixture.js';

const other = { peerId: 'zz', incarnation: '0123456789abcdef', name: 'b' };

/** A folder for the length of a test. */
async function withFolder(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'quorate-folder-'));
  try {
    await use(directory);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function open(directory: string, serverName = 'a', clusterName = 'test'): Promise<OpenFolder> {
  const deps = { clock: nodeClock, log: new EventLog(), fatal: assert.unreachable };
  return openDataFolder({ path: directory, serverName, clusterName }, deps);
}

function done(work: (done: (error: DiskError | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    work((error) => (error === null ? resolve() : reject(new Error(error.message))));
  });
}

/** Opens, signs, closes. */
async function sign(directory: string): Promise<SignedFounding> {
  const folder = await open(directory);
  const { incarnation } = folder.identity;
  const self = { peerId: 'aa', incarnation, name: 'a' };
  const record = foundingRecord('test', [self, other], randomHex());
  const signed = { record, signatures: [{ peerId: 'aa', signature: 'beef' }] };
  await done((end) => folder.saveFounding(signed, end));
  await folder.close();
  return signed;
}

/** The message of a refused opening. */
async function refusal(directory: string, name: string, cluster: string): Promise<string> {
  return open(directory, name, cluster).then(
    () => assert.unreachable('it opened'),
    (error: Error) => error.message,
  ) as Promise<string>;
}

test('what is signed comes back, and binds the folder to its name and its cluster', () =>
  withFolder(async (directory) => {
    const signed = await sign(directory);
    const folder = await open(directory);
    assert.equal(folder.signed, signed);
    await folder.close();
    assert.match(await refusal(directory, 'x', 'test'), /has signed as server "a", not "x"/);
    assert.match(await refusal(directory, 'a', 'x'), /has signed to found cluster "test", not "x"/);
  }));

test('a new incarnation makes it void, and only then may the folder have another name', () =>
  withFolder(async (directory) => {
    await sign(directory);
    const folder = await open(directory);
    const incarnation = randomHex();
    await done((end) => folder.saveIncarnation(incarnation, end));
    assert.is(folder.identity.incarnation, incarnation);
    await folder.close();
    const anew = await open(directory, 'x');
    assert.is(anew.signed, null);
    assert.is(anew.identity.incarnation, incarnation);
    // The place is written with the incarnation that the folder has now.
    const place = { clusterName: 'test', clusterId: 'feed', memberId: 4, joinIndex: 4 };
    await done((end) => anew.saveMembership(place, end));
    await anew.close();
    const member = await open(directory, 'x');
    assert.equal(member.identity.membership, place);
    assert.is(member.identity.incarnation, incarnation);
    await member.close();
  }));

test('a damaged file is refused, with what to do', () =>
  withFolder(async (directory) => {
    await sign(directory);
    fs.truncateSync(`${directory}/founding.json`, 20);
    const message = await refusal(directory, 'a', 'test');
    assert.match(
      message,
      /founding\.json: damaged; move the folder away and start this server anew/,
    );
    const rows: unknown[] = [];
    assert.is(await inspectFolder(directory, (row) => rows.push(row['type'])), false);
    assert.equal(rows, ['damage']);
  }));

test('inspect shows who has signed, before there is a log', () =>
  withFolder(async (directory) => {
    const { record } = await sign(directory);
    const rows: Readonly<Record<string, unknown>>[] = [];
    assert.ok(await inspectFolder(directory, (row) => rows.push(row)));
    assert.is(rows.length, 1);
    assert.is(rows[0]?.['type'], 'founding');
    const [first, second] = record.founders;
    assert.equal(rows[0]?.['founders'], [
      { ...first, signed: true },
      { ...second, signed: false },
    ]);
  }));

test('a cluster of one is founded by the same record, and no two are alike', () => {
  const founder = { peerId: 'aa', incarnation: '0123456789abcdef', name: 'a' };
  const one = foundAlone('test', founder);
  assert.match(one.clusterId, /^[0-9a-f]{64}$/);
  assert.is.not(one.clusterId, foundAlone('test', founder).clusterId);
  assert.is(one.memberId, 1);
  assert.is(one.base.index, 1);
  assert.equal(one.base.configuration.voters, [1]);
  assert.equal(one.base.configuration.members, [{ id: 1, ...founder }]);
  assert.is(sha256(new Uint8Array(0)).slice(0, 8), 'e3b0c442');
});

test.run();
