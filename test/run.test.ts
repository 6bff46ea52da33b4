/**
 * The test runner, run on test files made for it: each row is a way in which a file can lie about
 * its tests, and what the runner must say.
 */

// time limit: 120 s

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

interface RunnerOutcome {
  readonly code: number | null;
  readonly output: string;
  readonly lastLine: string;
  readonly folder: string;
}

const header = "import { test } from 'uvu';\nimport * as assert from 'uvu/assert';\n";
const folders: string[] = [];

/** A folder of test files, by name and text. */
function writeFiles(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-run-'));
  folders.push(folder);
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  // Without it Node takes the files for CommonJS.
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, 'test', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, header + text);
  }
  return folder;
}

/** Runs the runner over the files; ends by itself, as every file in it has a limit. */
function run(files: Readonly<Record<string, string>>, ...args: string[]): Promise<RunnerOutcome> {
  const folder = writeFiles(files);
  const child = spawn(process.execPath, ['--import', 'tsx', resolve('test/run.ts'), ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => {
      done({ code, output, lastLine: output.trimEnd().split('\n').at(-1) ?? '', folder });
    });
  });
}

function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** Starts a process that would outlive its parent, and notes its pid. */
const leaveChild = `
  const { spawn } = await import('node:child_process');
  const { writeFileSync } = await import('node:fs');
  const args = ['-e', 'setTimeout(() => {}, 60000)'];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  writeFileSync('left.pid', String(child.pid));
  child.unref();
`;

const good = "test('holds', () => assert.is(1, 1));\ntest.run();\n";
const bad = "test('breaks', () => assert.is('seen', 'wanted'));\ntest.run();\n";

const rows: readonly [why: string, text: string, line: string, said: RegExp][] = [
  ['a passing file', good, '1 passed, 0 failed', /ok {3}a\.test\.ts {2}1 passed/],
  [
    'a failing test, shown whole',
    good + bad,
    '1 passed, 1 failed',
    /──── a\.test\.ts[\s\S]*wanted/,
  ],
  ['no `.run()`', "test('x', () => {});\n", '0 passed, 1 failed', /has no `\.run\(\)`/],
  ['no test', 'test.run();\n', '0 passed, 1 failed', /executed no test/],
  ['only skipped tests', "test['skip']('x');\ntest.run();\n", '0 passed, 1 failed', /no test/],
  ['an error on loading', `${good}throw new Error('early');\n`, '0 passed, 1 failed', /early/],
  [
    'an exit in a test',
    "test('x', () => process.exit(0));\ntest.run();\n",
    '0 passed, 1 failed',
    /Exiting early/,
  ],
  [
    'a wait that never ends',
    "test('x', () => new Promise(() => {}));\ntest.run();\n",
    '0 passed, 1 failed',
    /exit code/,
  ],
  [
    'an error after the tests',
    `${good}process.on('exit', () => { process.exitCode = 3; });\n`,
    '1 passed, 1 failed',
    /exit code 3/,
  ],
  [
    'a kill by signal',
    "test('x', () => process.kill(process.pid, 'SIGKILL'));\ntest.run();\n",
    '0 passed, 1 failed',
    /ended by SIGKILL/,
  ],
];

for (const [why, text, line, said] of rows) {
  test(`the runner judges ${why}`, async () => {
    const { code, output, lastLine } = await run({ 'a.test.ts': text });
    assert.is(lastLine, line);
    assert.is(code, line.endsWith(' 0 failed') ? 0 : 1);
    assert.match(output, said);
  });
}

test('a file that hangs is ended at its own limit, with the processes it started', async () => {
  const wait = 'setInterval(() => {}, 1000);\nawait new Promise(() => {});';
  const hang = `// time limit: 2 s\ntest('x', async () => {${leaveChild}${wait}});\ntest.run();\n`;
  const begin = performance.now();
  const { lastLine, output, folder } = await run({ 'a.test.ts': hang, 'b.test.ts': good });
  assert.is(lastLine, '1 passed, 1 failed');
  assert.match(output, /longer than its limit of 2 s/);
  assert.ok(performance.now() - begin < 15_000);
  assert.not(isAlive(Number(readFileSync(join(folder, 'left.pid'), 'utf8'))));
});

test('a file that leaves a process running fails, and the process is ended', async () => {
  const leave = `test('x', async () => {${leaveChild}});\ntest.run();\n`;
  const { lastLine, output, folder } = await run({ 'a.test.ts': leave });
  assert.is(lastLine, '1 passed, 1 failed');
  assert.match(output, /left processes running/);
  assert.not(isAlive(Number(readFileSync(join(folder, 'left.pid'), 'utf8'))));
});

test('layers run from base to server, and real processes at the end, alone', async () => {
  const files = ['process/p', 'server/s', 'base/b', 'other/o', 'raft/r', 'top'].map(
    (name) => [`${name}.test.ts`, good] as const,
  );
  const { output, lastLine } = await run(Object.fromEntries(files), '--jobs', '1');
  assert.is(lastLine, '6 passed, 0 failed');
  const order = [...output.matchAll(/^ok {3}(\S+)\.test\.ts/gm)].map((match) => match[1]);
  assert.equal(order, ['top', 'base/b', 'raft/r', 'other/o', 'server/s', 'process/p']);
});

test('files of real processes never run at once', async () => {
  const exclusive = `
  import { mkdirSync, rmdirSync } from 'node:fs';
  test('x', async () => {
    mkdirSync('taken');
    await new Promise((wake) => setTimeout(wake, 400));
    rmdirSync('taken');
  });
  test.run();`;
  const files = { 'process/a.test.ts': exclusive, 'process/b.test.ts': exclusive };
  assert.is((await run(files, '--jobs', '2')).lastLine, '2 passed, 0 failed');
});

test('a filter is a layer or a part of a path; one that matches nothing fails', async () => {
  const files = { 'raft/quorum.test.ts': good, 'raft/log.test.ts': good, 'wire/x.test.ts': good };
  assert.is((await run(files, 'raft')).lastLine, '2 passed, 0 failed');
  assert.is((await run(files, 'raft/quo', 'wire')).lastLine, '2 passed, 0 failed');
  const none = await run(files, 'nowhere');
  assert.is(none.lastLine, '0 passed, 1 failed');
  assert.is(none.code, 1);
});

test.after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

test.run();
