/**
 * Disks that tear and rot, under real servers: what was acknowledged is still there, a damaged
 * server says which file and place and changes nothing, and the others go on without it. Those that
 * fill up: full-disk.test.ts.
 */

// time limit: 150 s

import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { QuorateError } from '../../src/base/errors.js';
import { recordBytesMaxDefault } from '../../src/base/limits.js';
import type { Client } from '../../src/client/client.js';
import { sectorBytes } from '../../src/storage/segment-header.js';
import { endOfNonZero } from '../../src/storage/segment-scan.js';
import { assertLines, quorate } from './commands.js';
import { recordsAt, type ServerProcess, Servers } from './servers.js';

const quick = ['--stabilisation', '300'];
const mebibyte = 1024 * 1024;

test('a torn tail after kill -9 is cut, kept aside, and filled again from the others', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const client = await servers.client();
    const victim = servers.all.find((server) => server.name === 'server3') as ServerProcess;
    if ((await servers.leader()) === victim) await client.transferLeader('server1');
    const expected: string[] = [];
    const tears: [string, (file: string, start: number, end: number) => void][] = [
      ['cut inside the payload', (file, start) => fs.truncateSync(file, start + 1000)],
      ['cut inside the header', (file, start) => fs.truncateSync(file, start + 20)],
      ['the first sector all zeros', (file, start) => write(file, start, zeros())],
      ['the last sector all zeros', (file, _, end) => write(file, sectorOf(end - 1), zeros())],
      ['a batch that was begun', (file, _, end) => write(file, sectorOf(end - 1) + 512, rot())],
    ];
    for (const [what, tear] of tears) {
      await append(client, expected, 20);
      // Its own batch on every disk, and larger than a sector: there is something to tear.
      expected.push(`${what} ${'x'.repeat(3000)}`);
      await client.append(expected.at(-1) as string);
      await servers.until(`${victim.name} has it all`, ({ members, lastIndex }) =>
        members.every(({ matchIndex }) => matchIndex === lastIndex),
      );
      await victim.kill();
      const { file, offset } = await lastBatch(victim);
      dropMark(file, offset);
      tear(file, offset, endOf(file));
      const from = victim.lines.length;
      await servers.start(victim);
      await victim.says('torn tail of the log cut', { from }).catch((error: Error) => {
        throw new Error(`${what}: ${error.message}`);
      });
      await append(client, expected, 5);
      assert.equal(await recordsAt(victim.address), expected, what);
    }
    assert.ok(fs.readdirSync(logOf(victim)).some((name) => name.endsWith('.torn')));
    for (const server of servers.all) assert.equal(await recordsAt(server.address), expected);
  } finally {
    await servers.stopAll();
  }
});

test('damage in the middle stops that server, says where, and changes nothing', async () => {
  const servers = await Servers.cluster(3, quick);
  try {
    await servers.untilVoters(3);
    const client = await servers.client();
    const expected: string[] = [];
    await append(client, expected, 200);
    const victim = await servers.leader();
    await victim.kill();
    await append(client, expected, 50);
    const file = lastSegment(victim);
    const sound = fs.readFileSync(file);
    const middle = writtenSector(sound, sectorOf(Math.floor(endOf(file) / 2)));
    const damages: [string, () => void][] = [
      ['a flipped bit', () => write(file, middle + 70, flipped(sound, middle + 70))],
      ['a sector of zeros', () => write(file, middle, zeros())],
      ['a header that rotted', () => write(file, 12, flipped(sound, 12))],
    ];
    for (const [what, damage] of damages) {
      damage();
      const before = fingerprint(victim);
      victim.plain.length = 0;
      victim.launch({ peers: servers.running.map(({ address }) => address) });
      assert.is(await victim.exit(), 1, what);
      const place =
        /log\/\S+: damaged at byte \d+, entries (from )?\d+ .*nothing was changed; .*join/;
      assertLines(victim.plain.join('\n'), [place], what);
      assert.is(fingerprint(victim), before, `${what}: the folder was changed`);
      const seen = await quorate(['inspect', victim.data]);
      assert.is(seen.code, 1, what);
      assertLines(seen.err, [/is damaged, see the rows of type damage/], what);
      assert.ok(seen.out.includes('"type":"damage"'), what);
      await append(client, expected, 10);
      fs.writeFileSync(file, sound);
    }
    await servers.start(victim);
    await append(client, expected, 5);
    assert.equal(await recordsAt(victim.address), expected);
  } finally {
    await servers.stopAll();
  }
});

test('a damaged or missing part is one line, and putting it back is all it takes', async () => {
  const servers = await Servers.cluster(1);
  try {
    const [server] = servers.all as [ServerProcess];
    const client = await servers.client();
    await client.append('kept');
    await server.stop();
    const identity = path.join(server.data, 'identity.json');
    const sound = fs.readFileSync(identity, 'utf8');
    const away = path.join(servers.folder, 'away');
    const identities = fs.readdirSync(server.data).filter((name) => name.startsWith('identity'));
    const rows: [string, () => void, () => void, RegExp][] = [
      [
        'one character of the identity',
        () => fs.writeFileSync(identity, sound.replace(/"incarnation": ?"./, '"incarnation":"z')),
        () => fs.writeFileSync(identity, sound),
        /identity\.json: damaged; restore that file .*start anew/,
      ],
      [
        'the identity cut short',
        () => fs.writeFileSync(identity, sound.slice(0, 40)),
        () => fs.writeFileSync(identity, sound),
        /identity\.json: damaged; restore that file .*start anew/,
      ],
      [
        'no identity',
        () => fs.renameSync(identity, away),
        () => fs.renameSync(away, identity),
        /holds a log but no identity\.json: restore that file/,
      ],
      [
        'no log',
        () => fs.renameSync(logOf(server), away),
        () => fs.renameSync(away, logOf(server)),
        /\/log.*(no log here|ENOENT).*; restore that folder .*start anew/,
      ],
    ];
    assert.equal(identities, ['identity.json']);
    for (const [what, spoil, mend, pattern] of rows) {
      spoil();
      server.plain.length = 0;
      server.launch();
      assert.is(await server.exit(), 1, what);
      assertLines(server.plain.join('\n'), [pattern], what);
      mend();
    }
    await servers.start(server);
    await servers.leader();
    assert.equal(await recordsAt(server.address), ['kept']);
  } finally {
    await servers.stopAll();
  }
});

test('records at the limit pass, one byte more is refused; a restart has them all', async () => {
  const limits: [number, string[]][] = [
    [recordBytesMaxDefault, []],
    [2 * mebibyte, ['--record-bytes-max', String(2 * mebibyte)]],
    [1, ['--record-bytes-max', '1']],
  ];
  for (const [limit, flags] of limits) {
    const servers = await Servers.cluster(1, [...quick, ...flags]);
    try {
      const [server] = servers.all as [ServerProcess];
      const client = await servers.client();
      const record = 'r'.repeat(limit);
      const sizes = await Promise.all([1, 2, 3].map(() => client.append(record)));
      assert.equal(
        sizes.map(({ seq }) => seq),
        [1, 2, 3],
      );
      await client.put('value', record);
      for (const refused of [
        () => client.append(`${record}x`),
        () => client.appendBatch(['', `${record}x`]),
        () => client.put('value', `${record}x`),
      ]) {
        const error = await failureOf(refused());
        assert.is(error.code, 'TOO_LARGE', String(error));
        assert.match(error.message, new RegExp(`${limit + 1} bytes; .*at most ${limit}`));
      }
      await server.kill();
      await servers.start(server);
      await servers.leader();
      assert.ok((await recordsAt(server.address)).every((found) => found === record));
      const value = await (await servers.client()).get('value');
      assert.is(Buffer.from(value?.value ?? []).toString(), record);
      // And all of it goes to another server.
      const other = await servers.add('server2');
      await other.says('caught up with the cluster');
      assert.equal(
        (await recordsAt(other.address)).map(({ length }) => length),
        [limit, limit, limit],
      );
    } finally {
      await servers.stopAll();
    }
  }
});

async function append(client: Client, expected: string[], count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const record = `record ${expected.length}`;
    await client.append(record);
    expected.push(record);
  }
}

async function failureOf(work: Promise<unknown>): Promise<QuorateError> {
  const failure = await work.then(
    () => null,
    (error: QuorateError) => error,
  );
  if (failure === null) throw new Error('it should have been refused');
  return failure;
}

function logOf(server: ServerProcess): string {
  return path.join(server.data, 'log');
}

/** The segment that is written to: the last one that is not all zeros. */
function lastSegment(server: ServerProcess): string {
  const files = fs
    .readdirSync(logOf(server))
    .filter((name) => name.endsWith('.wal'))
    .map((name) => path.join(logOf(server), name))
    .sort()
    .filter((file) => endOf(file) > 0);
  const last = files.at(-1);
  if (last === undefined) throw new Error(`${server.name} has no log`);
  return last;
}

/** Where the last batch stands, as inspection sees it. */
async function lastBatch(server: ServerProcess): Promise<{ file: string; offset: number }> {
  const { out } = await quorate(['inspect', server.data]);
  const last = out.trimEnd().split('\n').at(-1) as string;
  return JSON.parse(last) as { file: string; offset: number };
}

/**
 * Takes back the empty batch that an idle log writes behind its last one to prove it: whether the
 * kill came before or after it is chance, and only before it is there a tail to tear.
 */
function dropMark(file: string, lastBatchAt: number): void {
  const bytes = fs.readFileSync(file);
  for (let at = lastBatchAt + sectorBytes; at < bytes.length; at += sectorBytes) {
    if (bytes.toString('latin1', at, at + 4) !== 'QRBT') continue;
    write(file, at, new Uint8Array(endOf(file) - at));
    return;
  }
}

/** Offset after the last byte that is not zero. */
function endOf(file: string): number {
  return endOfNonZero(fs.readFileSync(file), 0);
}

/** The first sector from `from` on that holds a batch's bytes at its 70th: the end of a batch's
 * last sector is unused, and what rots there harms nobody. */
function writtenSector(bytes: Uint8Array, from: number): number {
  let sector = from;
  while (bytes[sector + 70] === 0) sector += 512;
  return sector;
}

/** The start of the sector that holds a byte. */
function sectorOf(at: number): number {
  return at - (at % sectorBytes);
}

function zeros(): Uint8Array {
  return new Uint8Array(sectorBytes);
}

function rot(): Uint8Array {
  return new Uint8Array(700).fill(0xa5);
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return Uint8Array.of((bytes[at] as number) ^ 0x10);
}

function write(file: string, at: number, bytes: Uint8Array): void {
  const target = fs.openSync(file, 'r+');
  fs.writeSync(target, bytes, 0, bytes.length, at);
  fs.closeSync(target);
}

/** All that the log's files hold, as one text. */
function fingerprint(server: ServerProcess): string {
  const hash = createHash('sha256');
  for (const name of fs.readdirSync(logOf(server)).sort()) {
    hash.update(name).update(fs.readFileSync(path.join(logOf(server), name)));
  }
  return hash.digest('hex');
}

test.run();
