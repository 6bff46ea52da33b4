/**
 * The command line as a process, where no server is needed: usage, help, exit codes, time limits,
 * and the shell's words. Run from the sources, in a child each, with a bound on its time.
 */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const entry = fileURLToPath(new URL('./run-main.ts', import.meta.url));
const childMillisMax = 30_000;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly millis: number;
}

interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Is handed the process once it runs. */
  readonly started?: (child: ChildProcessWithoutNullStreams) => void;
}

/** Runs `quorate` with these words; never longer than `childMillisMax`. */
function quorate(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { input = '', env = {}, started } = options;
  const startMillis = performance.now();
  const { QUORATE_TARGETS: _, ...inherited } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', entry, ...words], {
    env: { ...inherited, ...env },
    timeout: childMillisMax,
    killSignal: 'SIGKILL',
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  child.stdin.on('error', () => {});
  started?.(child);
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, out, err, millis: performance.now() - startMillis });
    });
  });
}

function isOneLine(text: string): boolean {
  return /^quorate: [^\n]+\n$/.test(text);
}

const usageErrors: readonly (readonly [string, RegExp])[] = [
  ['appendd', /unknown command 'appendd' \(Did you mean append\?\); see quorate --help/],
  ['append --nonsense', /unknown option '--nonsense'; see quorate append --help/],
  ['append', /append what\?/],
  ['append a -c b', /not both/],
  ['append -c a --timeout soon', /--timeout/],
  ['append -c a --timeout 0', /--timeout/],
  ['append -c a -t a:b:c', /a:b:c/],
  ['append -c a -t host:99999', /99999/],
  ['query --from 0', /--from/],
  ['query --limit x', /--limit/],
  ['get', /missing required argument 'key'/],
  ['put k', /missing required argument 'value'/],
  ['put k v --if-revision -1', /--if-revision/],
  ['members destroy', /members --help/],
  ['members remove', /missing required argument 'name'/],
  ['members why', /missing required argument 'name'; see quorate members why --help/],
  ['members leave -t a:1,b:1', /leave whom\? Give a NAME, or one server alone/],
  ['policy set', /missing required argument 'words'; see quorate policy set --help/],
  ['policy set voters 5', /"voters" is no WORD=VALUE: write it like voters=5/],
  ['policy set voters=', /"voters=" is no WORD=VALUE/],
  ['policy change', /policy --help/],
  ['inspect', /missing required argument 'data-dir'/],
  ['start --nonsense', /start --help/],
];

test('wrong usage: exit code 2, one line, nothing on standard output', async () => {
  for (const [words, expected] of usageErrors) {
    const { code, out, err } = await quorate(words.split(' '));
    assert.is(code, 2, `${words}: exit code ${code}: ${err}`);
    assert.ok(isOneLine(err), `${words}: ${err}`);
    assert.match(err, expected);
    assert.is(out, '');
  }
});

test('no command: the help on standard error, exit code 2', async () => {
  const { code, out, err } = await quorate([]);
  assert.is(code, 2);
  assert.is(out, '');
  assert.match(err, /Usage: quorate/);
});

test('a command that only has commands below it: its help, and nothing besides', async () => {
  for (const word of ['secret', 'dev']) {
    const { code, out, err } = await quorate([word]);
    assert.is(code, 2);
    assert.is(out, '');
    assert.match(err, new RegExp(`^Usage: quorate ${word} `));
    assert.not.match(err, /quorate: /);
  }
});

test('--version prints the version alone', async () => {
  const { code, out } = await quorate(['--version']);
  assert.is(code, 0);
  assert.match(out, /^\d+\.\d+\.\d+\n$/);
});

test('every command has help with an example', async () => {
  const { code, out } = await quorate(['--help']);
  assert.is(code, 0);
  const commands = ['start', 'append', 'query', 'put', 'get', 'delete', 'list', 'status'].concat([
    'members',
    'policy',
    'transfer-leader',
    'inspect',
    'shell',
  ]);
  for (const command of commands) assert.match(out, new RegExp(`^  ${command}`, 'm'));
  const below = ['members remove', 'members plan', 'members why', 'members history'].concat([
    'members leave',
    'policy show',
    'policy set',
  ]);
  for (const words of [...commands, ...below].map((line) => line.split(' '))) {
    const help = await quorate([...words, '--help']);
    assert.is(help.code, 0, words.join(' '));
    assert.match(help.out, /Examples:\n {2}quorate/);
    assert.match(help.out, /--help/);
  }
});

test('nobody there: exit code 3 within the time limit and a second', async () => {
  const port = await closedPort();
  const commands = ['append -c x', 'query', 'put k v', 'get k', 'list', 'status', 'members'].concat(
    ['members plan', 'members leave', 'policy set voters=3', 'status --watch'],
  );
  for (const command of commands) {
    const words = [...command.split(' '), '-t', `127.0.0.1:${port}`, '--timeout', '500ms'];
    const { code, out, err, millis } = await quorate(words);
    assert.is(code, 3, `${command}: ${err}`);
    assert.is(out, '');
    assert.ok(isOneLine(err), err);
    assert.match(err, /no server answered at 127\.0\.0\.1:\d+ within 0\.5 s/);
    assert.match(err, /quorate start/);
    assert.ok(millis < 500 + 1000 + startMillisMax, `${command}: ${millis} ms`);
  }
});

/** Starting a process and compiling the sources, on a busy machine. */
const startMillisMax = 6000;

test('somebody there who says nothing: the same', async () => {
  const server = createServer(() => {});
  const port = await listen(server);
  try {
    const words = ['append', '-c', 'x', '-t', `127.0.0.1:${port}`, '--timeout', '1'];
    const { code, err, millis } = await quorate(words);
    assert.is(code, 3, err);
    assert.ok(isOneLine(err), err);
    assert.ok(millis < 1000 + 1000 + startMillisMax, `${millis} ms`);
  } finally {
    server.close();
  }
});

test('Ctrl-C while waiting: exit code 130, nothing said', async () => {
  let child: ChildProcessWithoutNullStreams | null = null;
  // The first connection shows that the client is waiting.
  const server = createServer(() => child?.kill('SIGINT'));
  const port = await listen(server);
  try {
    const words = ['append', '-c', 'x', '-t', `127.0.0.1:${port}`, '--timeout', '20'];
    const started = (running: ChildProcessWithoutNullStreams) => {
      child = running;
    };
    const { code, out, err } = await quorate(words, { started });
    assert.equal([code, out, err], [130, '', '']);
  } finally {
    server.close();
  }
});

test('a reader that has seen enough is no fault', async () => {
  const { code, err } = await quorate(['--help'], { started: (child) => child.stdout.destroy() });
  assert.equal([code, err], [0, '']);
});

test('QUORATE_TARGETS names the servers, and -t wins over it', async () => {
  const port = await closedPort();
  const env = { QUORATE_TARGETS: `localhost:${port}, 127.0.0.1:${port}` };
  const first = await quorate(['status', '--timeout', '200ms'], { env });
  assert.match(first.err, new RegExp(`localhost:${port}, 127\\.0\\.0\\.1:${port}`));
  const second = await quorate(['status', '--timeout', '200ms', '-t', `127.0.0.1:${port}`], {
    env,
  });
  assert.not.match(second.err, /localhost/);
});

test('inspect of a folder without a log: refused, with a word on what to name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-cli-'));
  try {
    const { code, err } = await quorate(['inspect', folder]);
    assert.is(code, 1);
    assert.ok(isOneLine(err), err);
    assert.match(err, /holds no log/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the shell reads from a pipe, goes on after errors, and knows its words', async () => {
  const input = 'nonsense\nwrite\nquery x\nconnect\nhelp\nexit\nhelp\n';
  const { code, out } = await quorate(['shell'], { input });
  assert.is(code, 0);
  const lines = out.split('\n');
  assert.match(lines[0] ?? '', /error: "nonsense" is no command; see help/);
  assert.match(lines[1] ?? '', /error: write what\?/);
  assert.match(lines[2] ?? '', /error: query \[FROM \[LIMIT\]\]/);
  assert.match(lines[3] ?? '', /error: connect where\?/);
  assert.is(out.match(/^guess VALUE/gm)?.length, 1, 'nothing runs after exit');
});

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}

test.run();
