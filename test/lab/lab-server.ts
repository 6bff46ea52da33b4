/**
 * A real server in a host of the lab: a process of the built program, or the one that
 * `make run-server` starts. What it logs is kept, in memory and in a file, and can be awaited. It
 * can be paused, killed, stopped, wiped and started again on its folder, under whatever address its
 * host has then. Signals go to the server's own process, found by its folder, also below make.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type LogLine, within } from '../process/servers.js';
import type { Network } from './network.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The program, as `quorate` stands for. */
export const program = path.join(root, 'bin/quorate.js');
const port = 5555;

/** What a server is started with. */
export interface LabStart {
  readonly peers?: readonly string[];
  /** Looks for others by mDNS. @default false */
  readonly mdns?: boolean;
  /** Founds together with others, so many in all. */
  readonly expect?: number;
  /** Further flags of `quorate start`; not with `byMake`. */
  readonly flags?: readonly string[];
  /** Started by `make run-server`, as users type it. @default false */
  readonly byMake?: boolean;
}

/** Which line of a log is waited for, beside its event. */
export interface Wanted {
  /** From this line on, counted from 0. @default 0 */
  readonly from?: number;
  /** @default 20000 */
  readonly millis?: number;
  /** Fields that it has, with these values. @default any */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Where a server is. */
export interface Place {
  readonly network: Network;
  readonly host: number;
  readonly folder: string;
}

let openWords: readonly string[] | null = null;

/** `--open`, where the program has the word: servers beyond loopback then want it or a secret. */
function openFlag(): readonly string[] {
  if (openWords === null) {
    const help = execFileSync(process.execPath, [program, 'start', '--help'], { encoding: 'utf8' });
    openWords = help.includes('--open') ? ['--open'] : [];
  }
  return openWords;
}

/** The settings of whoever runs the lab are kept out, and those of a make around it. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(?:QUORATE_|MAKE|MFLAGS|NODE_V8_COVERAGE)/.test(name),
  );
  return Object.fromEntries(own);
}

/** One server. */
export class LabServer {
  readonly name: string;
  readonly host: number;
  readonly lines: LogLine[] = [];
  /** What it wrote that is no log line. */
  readonly plain: string[] = [];
  readonly #place: Place;
  #child: ChildProcess | null = null;
  #exited: Promise<number | string> = Promise.resolve('not started');
  #isPaused = false;
  readonly #watchers = new Set<() => void>();

  constructor(name: string, place: Place) {
    this.name = name;
    this.host = place.host;
    this.#place = place;
  }

  get address(): string {
    return `${this.#place.network.address(this.host)}:${port}`;
  }

  get data(): string {
    return path.join(this.#place.folder, this.name);
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** It runs and is not paused. */
  get isAwake(): boolean {
    return this.isRunning && !this.#isPaused;
  }

  /** Starts the process and waits until it listens. */
  async start(options: LabStart = {}): Promise<this> {
    const from = this.lines.length;
    this.launch(options);
    const ended = this.#exited.then((code) => {
      throw new Error(`${this.name} ended (${code}) before it listened:\n${this.tail()}`);
    });
    await Promise.race([this.says('listening', { from }), ended]);
    return this;
  }

  /** Starts the process, whatever becomes of it. */
  launch(options: LabStart = {}): void {
    const own = options.byMake ? this.#makeWords(options) : this.#words(options);
    const [file, ...words] = this.#place.network.command(this.host, own);
    const child = spawn(file as string, words, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: plainEnvironment(),
    });
    this.#child = child;
    this.#isPaused = false;
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input: input as NodeJS.ReadableStream }).on('line', (line) => {
        this.#read(line);
      });
    }
  }

  /** Waits for a line of the log, from `from` on (lines counted from 0), with these fields. */
  says(event: string, { from = 0, millis = 20_000, fields = {} }: Wanted = {}): Promise<LogLine> {
    const wanted = Object.entries({ ...fields, msg: event });
    const isWanted = (line: LogLine): boolean =>
      wanted.every(([name, value]) => line[name] === value);
    let look = (): void => {};
    const found = new Promise<LogLine>((resolve) => {
      look = () => {
        const line = this.lines.find((one, at) => at >= from && isWanted(one));
        if (line !== undefined) resolve(line);
      };
      this.#watchers.add(look);
      look();
    });
    return within(millis, `${this.name} says "${event}"`, found).finally(() =>
      this.#watchers.delete(look),
    );
  }

  /** Ends the process at once, and waits until it is gone. */
  async kill(): Promise<void> {
    await this.#signal('SIGKILL');
    await within(10_000, `the end of ${this.name}`, this.#exited);
  }

  /** Stops it as an operator would; the exit code. */
  async stop(): Promise<number | string> {
    await this.#signal('SIGTERM');
    return this.exit();
  }

  /** The exit code, or the signal, once the process is gone. */
  exit(millis = 20_000): Promise<number | string> {
    return within(millis, `${this.name} ends`, this.#exited);
  }

  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#signal('SIGSTOP');
  }

  async resume(): Promise<void> {
    await this.#signal('SIGCONT');
    this.#isPaused = false;
  }

  /** Its disk is gone; the process must have ended. */
  wipe(): void {
    fs.rmSync(this.data, { recursive: true, force: true });
  }

  /** The last lines, for error messages. */
  tail(): string {
    const lines = this.lines.slice(-12).map((line) => JSON.stringify(line));
    return [...lines, ...this.plain.slice(-8)].join('\n');
  }

  async #signal(signal: NodeJS.Signals): Promise<void> {
    for (const pid of await this.#place.network.pids(this.host)) {
      if (this.#isServer(pid)) process.kill(pid, signal);
    }
  }

  #isServer(pid: number): boolean {
    try {
      const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words[1]?.endsWith('quorate.js') === true && words.includes(this.data);
    } catch {
      return false; // It has ended meanwhile.
    }
  }

  #words({ peers = [], mdns = false, expect, flags = [] }: LabStart): readonly string[] {
    return [
      ...[process.execPath, program, 'start', '--id', this.name, '--listen', this.address],
      ...['--data', this.data, ...openFlag()],
      ...(peers.length > 0 ? ['--peers', peers.join(',')] : []),
      ...(mdns ? [] : ['--no-mdns']),
      ...(expect === undefined ? [] : ['--expect', String(expect)]),
      ...flags,
    ];
  }

  #makeWords({ peers = [], mdns = false, expect }: LabStart): readonly string[] {
    return [
      ...['make', '-s', 'run-server', `SERVER_ID=${this.name}`, `PORT=${port}`],
      `DATA=${this.data}`,
      ...(peers.length > 0 ? [`PEERS=${peers.join(',')}`] : []),
      ...(mdns ? [] : ['MDNS=0']),
      ...(expect === undefined ? [] : [`EXPECT=${expect}`]),
    ];
  }

  #read(line: string): void {
    fs.appendFileSync(`${this.data}.log`, `${line}\n`);
    try {
      this.lines.push(JSON.parse(line) as LogLine);
    } catch {
      this.plain.push(line);
    }
    for (const watcher of [...this.#watchers]) watcher();
  }
}
