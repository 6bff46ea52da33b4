/**
 * One process per data folder: refused with the holder's pid, free again after kill -9.
 */
// time limit: 180 s

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FolderLock, lockFolder } from '../../src/storage/folder-lock.js';

const folders: string[] = [];
const children: ChildProcess[] = [];

test.after(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(`${tmpdir()}/quorate-lock-`);
  folders.push(folder);
  return folder;
}

/** What a child said first; fails after 30 s. */
async function start(folder: string): Promise<{ child: ChildProcess; said: string }> {
  const holder = new URL('lock-holder.ts', import.meta.url).pathname;
  const args = ['--import', 'tsx', holder, folder];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const [chunk] = await once(child.stdout, 'data', { signal: AbortSignal.timeout(30_000) });
  return { child, said: String(chunk).trim() };
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

function lock(folder: string): Promise<FolderLock | string> {
  return new Promise((resolve) => {
    lockFolder(folder, (reason, held) => resolve(held ?? reason ?? ''));
  });
}

test('a second process is refused in one line that names the first', async () => {
  const folder = makeFolder();
  const { child, said } = await start(folder);
  assert.is(said, 'held');
  const refused = await lock(folder);
  assert.is(refused, `data folder ${folder} is in use by process ${child.pid}`);
  const exited = once(child, 'exit');
  child.stdin?.write('go\n');
  await exited;
  assert.not(existsSync(`${folder}/lock`));
  const held = (await lock(folder)) as FolderLock;
  assert.type(held, 'object');
  held.release();
  held.release();
});

test('a process cannot hold a folder twice, and another folder is another lock', async () => {
  const folder = makeFolder();
  const held = (await lock(folder)) as FolderLock;
  assert.match(String(await lock(folder)), new RegExp(`in use by process ${process.pid}`));
  const other = (await lock(makeFolder())) as FolderLock;
  assert.type(other, 'object');
  other.release();
  held.release();
});

test('after kill -9 of the holder the folder is free at once', async () => {
  const folder = makeFolder();
  for (let i = 0; i < 3; i++) {
    const { child, said } = await start(folder);
    assert.is(said, 'held', `round ${i}`);
    await kill(child);
    const held = (await lock(folder)) as FolderLock;
    assert.type(held, 'object', `round ${i}: ${held}`);
    held.release();
  }
});

test('of 20 processes that race for a folder, also a stale one, exactly one holds it', async () => {
  const folder = makeFolder();
  await kill((await start(folder)).child);
  assert.ok(existsSync(`${folder}/lock`));
  const started = await Promise.all(Array.from({ length: 20 }, () => start(folder)));
  const said = started.map((each) => each.said);
  assert.is(said.filter((line) => line === 'held').length, 1, said.join('; '));
  const pid = started.find((each) => each.said === 'held')?.child.pid;
  assert.is(
    said.filter((line) => line.endsWith(`in use by process ${pid}`)).length,
    19,
    said.join('; '),
  );
  await Promise.all(
    started.map((each) => (each.child.exitCode === null ? kill(each.child) : null)),
  );
});

test('the lock file alone refuses too, unless its process is gone', async () => {
  const rows: [string, RegExp][] = [
    [JSON.stringify({ pid: process.ppid, started: '' }), /in use by process/],
    [JSON.stringify({ pid: process.ppid, started: 'another' }), /object/],
    [JSON.stringify({ pid: 2 ** 22 + 1, started: '1' }), /object/],
    ['{"pid":', /object/],
  ];
  for (const [content, expected] of rows) {
    const folder = makeFolder();
    writeFileSync(`${folder}/lock`, content);
    const held = await lock(folder);
    assert.match(typeof held === 'string' ? held : 'object', expected, content);
    if (typeof held !== 'string') held.release();
  }
});

test('a folder that is not there is a one-line reason', async () => {
  assert.match(String(await lock(`${makeFolder()}/none`)), /^cannot lock .*ENOENT[^\n]*$/);
});

test.run();
