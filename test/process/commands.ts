/**
 * The command as a person runs it: the built program as a process, with what it printed and its
 * exit code. Settings of whoever runs the tests (QUORATE_…) are kept out. What hangs is killed, and
 * fails.
 */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';

const program = fileURLToPath(new URL('../../bin/quorate.js', import.meta.url));

/** The program of util-linux that runs a command on a terminal of its own. */
export const terminalMaker = 'script';

/** Long enough for a command to be over but for what its reader has not taken, milliseconds. */
const slowMillis = 1500;

/** What a command came to. */
export interface Outcome {
  /** The exit code, or the name of the signal that ended it. */
  readonly code: number | string;
  readonly out: string;
  readonly err: string;
}

/** What a command is given beside its words. */
export interface CommandOptions {
  readonly input?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  /** Run as this user; root only. */
  readonly uid?: number;
  readonly millis?: number;
  /** Begins to read what it prints only when it has had to wait for that. */
  readonly slowReader?: boolean;
  /** Closes its standard output after so much of it. */
  readonly charsWanted?: number;
}

/** Runs `quorate WORDS…` to its end. */
export function quorate(words: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  return run(process.execPath, [program, ...words], options);
}

/** Runs `quorate WORDS…` on a terminal of its own, typing each of `keys` once the text that it
 * comes `after` has appeared. */
export function quorateOnTerminal(
  words: readonly string[],
  keys: readonly { readonly after: string; readonly type: string }[],
  options: CommandOptions = {},
): Promise<Outcome> {
  const line = [process.execPath, program, ...words].map((word) => `'${word}'`).join(' ');
  return run(terminalMaker, ['-qefc', line, '/dev/null'], options, keys);
}

/** Refusals are lines that each begin with the program's name, and never a stack. */
export function assertLines(told: string, patterns: readonly RegExp[], why?: string): void {
  const lines = told.split('\n').filter((line) => line !== '');
  assert.is(lines.length, patterns.length, `${why ?? ''} one line for each fault:\n${told}`);
  for (const line of lines) assert.match(line, /^quorate: \S/, why);
  for (const pattern of patterns) assert.match(told, pattern, why);
}

function run(
  file: string,
  words: readonly string[],
  options: CommandOptions,
  keys: readonly { readonly after: string; readonly type: string }[] = [],
): Promise<Outcome> {
  const { input = '', environment = {}, uid, millis = 20_000, charsWanted } = options;
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('QUORATE_'));
  // Another user may not write what a coverage run collects in our folder, and would say so. (Node
  // passes the variable on by itself where it is not given.)
  const quiet = uid === undefined ? {} : { NODE_V8_COVERAGE: '' };
  const child = spawn(file, words, {
    env: { ...Object.fromEntries(own), ...quiet, ...environment },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const waiting = [...keys];
  let out = '';
  let err = '';
  let seen = 0;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk;
    if (charsWanted !== undefined && out.length >= charsWanted) child.stdout.destroy();
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const at = out.indexOf(next.after, seen);
      if (at < 0) return;
      seen = at + next.after.length;
      child.stdin.write(next.type);
      waiting.shift();
    }
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk;
  });
  if (options.slowReader === true) {
    child.stdout.pause();
    setTimeout(() => child.stdout.resume(), slowMillis);
  }
  // One that ends before it has read everything is not a failure of the test.
  child.stdin.on('error', () => undefined);
  if (keys.length === 0) child.stdin.end(input);
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${words.join(' ')}: no end within ${millis} ms\n${out}\n${err}`));
    }, millis);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(late);
      resolve({ code: code ?? signal ?? 'unknown', out, err });
    });
  });
}
