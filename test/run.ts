/**
 * The test runner: finds test files, runs each in a Node process of its own, and adds up what uvu
 * says. It holds what uvu leaves open: a hard time limit for each file, a file that executes no
 * test or forgets `.run()`, a pattern that matches nothing, processes left behind. The last line is
 * always `N passed, N failed`: the CI reads it.
 *
 * Usage: node --import tsx test/run.ts [OPTION …] [FILTER …]
 *   --jobs N         files at once (2)
 *   --limit SECONDS  for each file that states none by a line `// time limit: 300 s` (120)
 *   --root FOLDER    where the files are (test)
 *   --coverage       prints what the tests reached (c8, by .c8rc.json) before the last line
 * A FILTER is the name of a layer (`raft`) or a part of a path (`raft/quorum`).
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';

/** Layers in the order they run: what others stand on first. Other folders come between. */
const layersFirst = ['', 'base', 'raft', 'machine', 'membership', 'wire', 'storage', 'transport'];
const layersNext = ['replica', 'client', 'front', 'cli', 'server'];
/** Real servers need the machine for themselves: after all others, one file at a time. */
const layersAlone = ['process'];
/** Run only when they are asked for: `make lab` does. */
const layersAsked = ['lab'];

/** Output kept of one file, characters; beyond it the middle is cut out. */
const outputCharsMax = 400_000;

/** How long a file's own children may take to go once it has ended, before they count as left. */
const leftoverGraceMillis = 1000;

/** Where V8's counts lie until c8 reads them: as in .c8rc.json. */
const coverageFolder = resolve('coverage/tmp');

interface TestFile {
  readonly path: string;
  readonly layer: string;
  readonly limitSeconds: number;
  /** Why the file fails without being run, or null. */
  readonly fault: string | null;
}

interface FileResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** What went wrong beyond failed tests, or null. */
  readonly fault: string | null;
  readonly output: string;
}

interface RunOptions {
  readonly root: string;
  readonly jobs: number;
  readonly limitSeconds: number;
  readonly coverage: boolean;
  readonly filters: readonly string[];
}

const running = new Set<ChildProcess>();

function readOptions(args: readonly string[]): RunOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      jobs: { type: 'string', default: '2' },
      limit: { type: 'string', default: '120' },
      root: { type: 'string', default: 'test' },
      coverage: { type: 'boolean', default: false },
    },
  });
  const jobs = Number(values.jobs);
  const limitSeconds = Number(values.limit);
  if (!(jobs >= 1 && limitSeconds > 0)) throw new Error('--jobs and --limit want numbers above 0');
  const { coverage } = values;
  return { root: resolve(values.root), jobs, limitSeconds, coverage, filters: positionals };
}

function layerRank(layer: string): number {
  const first = layersFirst.indexOf(layer);
  if (first >= 0) return first;
  const next = layersNext.indexOf(layer);
  return next >= 0 ? 200 + next : 100;
}

function describe(path: string, options: RunOptions): TestFile {
  const name = relative(options.root, path).split(sep).join('/');
  const text = readFileSync(path, 'utf8');
  const stated = /^\s*(?:\/\/|\*)\s*time limit: (\d+) s\s*$/m.exec(text);
  return {
    path,
    layer: name.includes('/') ? (name.split('/')[0] ?? '') : '',
    limitSeconds: stated === null ? options.limitSeconds : Number(stated[1]),
    fault: /^\s*[\w.]+\.run\(\);?\s*$/m.test(text) ? null : 'has no `.run()`: uvu runs none of it',
  };
}

function findFiles(options: RunOptions): readonly TestFile[] {
  const names = readdirSync(options.root, { recursive: true, encoding: 'utf8' });
  const files = names
    .filter((name) => name.endsWith('.test.ts') && !name.split(sep).includes('node_modules'))
    .map((name) => describe(resolve(options.root, name), options))
    .sort((a, b) => layerRank(a.layer) - layerRank(b.layer) || (a.path < b.path ? -1 : 1));
  if (options.filters.length === 0) {
    return files.filter(({ layer }) => !layersAsked.includes(layer));
  }
  return files.filter((file) => {
    const name = relative(options.root, file.path).split(sep).join('/');
    return options.filters.some((filter) => file.layer === filter || name.includes(filter));
  });
}

/** Sends a signal to all that is left of a child's process group; false when nothing is. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    return process.kill(-child.pid, signal);
  } catch {
    return false;
  }
}

/**
 * Whether anything of a group still runs. Where nobody collects orphans (a container without an
 * init), dead ones stay in the group as zombies: they do not count.
 */
function groupRuns(child: ChildProcess): boolean {
  if (!signalGroup(child, 0)) return false;
  if (process.platform !== 'linux') return true;
  return readdirSync('/proc').some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The command's name, in brackets, may hold anything; state, parent and group follow it.
      const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(group) === child.pid && state !== 'Z' && state !== 'X';
    } catch {
      return false; // It ended while we looked.
    }
  });
}

/** Waits for the group to empty; kills what is left. True when something had to be killed. */
async function clearGroup(child: ChildProcess): Promise<boolean> {
  const end = performance.now() + leftoverGraceMillis;
  while (groupRuns(child)) {
    if (performance.now() > end) {
      signalGroup(child, 'SIGKILL');
      return true;
    }
    await new Promise((wake) => setTimeout(wake, 20));
  }
  return false;
}

function keepOutput(child: ChildProcess): () => string {
  const parts: string[] = [];
  let chars = 0;
  let cut = 0;
  const take = (text: string): void => {
    parts.push(text);
    chars += text.length;
    // The head says which test began, the tail how it ended: drop from the second part on.
    while (chars > outputCharsMax && parts.length > 2) {
      const dropped = parts.splice(1, 1)[0]?.length ?? 0;
      chars -= dropped;
      cut += dropped;
    }
  };
  child.stdout?.setEncoding('utf8').on('data', take);
  child.stderr?.setEncoding('utf8').on('data', take);
  return () => {
    if (cut > 0) parts.splice(1, 0, `\n… ${cut} characters left out …\n`);
    return parts.join('');
  };
}

/** Adds up the totals in uvu's summaries; a file has several when it calls `.run()` over time. */
function readTotals(output: string): { total: number; passed: number; skipped: number } {
  const sums = { total: 0, passed: 0, skipped: 0 };
  const summary = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm;
  for (const [, total, passed, skipped] of output.matchAll(summary)) {
    sums.total += Number(total);
    sums.passed += Number(passed);
    sums.skipped += Number(skipped);
  }
  return sums;
}

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
  readonly leftBehind: boolean;
}

function faultOf(file: TestFile, ending: Ending, failed: number, total: number): string | null {
  if (ending.timedOut) return `took longer than its limit of ${file.limitSeconds} s`;
  if (ending.signal !== null) return `ended by ${ending.signal}`;
  if (ending.code !== 0 && failed === 0) return `exit code ${ending.code} though no test failed`;
  if (total === 0) return 'executed no test';
  if (ending.leftBehind) return 'left processes running (they were killed)';
  return null;
}

function waitForExit(
  child: ChildProcess,
  limitSeconds: number,
): Promise<Omit<Ending, 'leftBehind'>> {
  return new Promise((done) => {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      signalGroup(child, 'SIGKILL');
    }, limitSeconds * 1000);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      done({ code, signal, timedOut });
    });
    child.once('error', () => {
      clearTimeout(timer);
      done({ code: 127, signal: null, timedOut });
    });
  });
}

/** The environment of the files: no colours, and where V8 leaves its counts if they are wanted. */
function childEnvironment(options: RunOptions): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _, ...env } = process.env;
  return { ...env, NO_COLOR: '1', ...(options.coverage && { NODE_V8_COVERAGE: coverageFolder }) };
}

async function runFile(file: TestFile, env: NodeJS.ProcessEnv): Promise<FileResult> {
  const none = { passed: 0, failed: 1, skipped: 0, seconds: 0, output: '' };
  if (file.fault !== null) return { ...none, fault: file.fault };
  const begin = performance.now();
  // A group of its own, so that whatever the file starts can be found and ended with it.
  const child = spawn(process.execPath, ['--import', 'tsx', file.path], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  });
  running.add(child);
  const output = keepOutput(child);
  const closed = new Promise<void>((done) => child.once('close', () => done()));
  const ended = await waitForExit(child, file.limitSeconds);
  const leftBehind = await clearGroup(child);
  // A process that left the group may hold the pipe open for ever: do not wait for it.
  await Promise.race([
    closed,
    new Promise((wake) => setTimeout(wake, leftoverGraceMillis).unref()),
  ]);
  child.stdout?.destroy();
  child.stderr?.destroy();
  running.delete(child);
  const text = output();
  const { total, passed, skipped } = readTotals(text);
  const failedTests = total - passed;
  const fault = faultOf(file, { ...ended, leftBehind }, failedTests, total);
  const seconds = (performance.now() - begin) / 1000;
  const failed = failedTests + (fault === null ? 0 : 1);
  return { passed, failed, skipped, seconds, fault, output: text };
}

function reportFile(name: string, result: FileResult): void {
  const mark = result.failed > 0 ? 'FAIL' : 'ok  ';
  const skips = result.skipped > 0 ? `, ${result.skipped} skipped` : '';
  const tests = `${result.passed} passed${result.failed > 0 ? `, ${result.failed} failed` : ''}`;
  console.log(`${mark} ${name}  ${tests}${skips}  ${result.seconds.toFixed(1)} s`);
}

async function runAll(options: RunOptions): Promise<number> {
  const files = findFiles(options);
  const results = new Map<string, FileResult>();
  const env = childEnvironment(options);
  if (options.coverage) rmSync(coverageFolder, { recursive: true, force: true });
  const queue = files.filter((file) => !layersAlone.includes(file.layer));
  const alone = files.filter((file) => layersAlone.includes(file.layer));
  const work = async (pending: TestFile[]): Promise<void> => {
    for (let file = pending.shift(); file !== undefined; file = pending.shift()) {
      const name = relative(options.root, file.path);
      const result = await runFile(file, env);
      results.set(name, result);
      reportFile(name, result);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, () => work(queue)));
  await work(alone);
  return summarise(results, options);
}

function printCoverage(): void {
  console.log('');
  const c8 = resolve('node_modules/c8/bin/c8.js');
  const { status } = spawnSync(process.execPath, [c8, 'report'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('c8 could not report the coverage');
}

function summarise(results: ReadonlyMap<string, FileResult>, options: RunOptions): number {
  let passed = 0;
  let failed = 0;
  for (const [name, result] of results) {
    passed += result.passed;
    failed += result.failed;
    if (result.failed === 0) continue;
    console.log(`\n──── ${name}${result.fault === null ? '' : `: ${result.fault}`}`);
    console.log(result.output.trimEnd());
  }
  if (results.size === 0) {
    console.log(`no test file in ${options.root} matches: ${options.filters.join(' ') || '(all)'}`);
    failed = 1;
  }
  if (options.coverage) printCoverage();
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    // The files run in groups of their own, which the terminal's Ctrl-C does not reach.
    for (const child of running) signalGroup(child, 'SIGKILL');
    console.log('\nstopped\n0 passed, 1 failed');
    process.exit(130);
  });
}

process.exitCode = await runAll(readOptions(process.argv.slice(2)));
