/**
 * Real servers for tests, demos and benches: processes of the built program, each with a data
 * folder and a port of its own on loopback. What they log (JSON lines) is kept and can be awaited,
 * so nobody has to sleep. Every process started here is ended by `stopAll`, by pid.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Client } from '../../src/client/client.js';
import { connect } from '../../src/client/connect.js';
import type { ClusterStatus } from '../../src/wire/client-messages.js';

const program = fileURLToPath(new URL('../../bin/quorate.js', import.meta.url));

/** One line of a server's log. */
export interface LogLine {
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** What a server is started with beside its name, port and folder. */
export interface StartOptions {
  readonly peers?: readonly string[];
  readonly flags?: readonly string[];
  /** Whether it looks for others by mDNS. @default false */
  readonly mdns?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Waits for a promise, but not for ever. */
export async function within<T>(millis: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${millis} ms`)), millis);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as net.AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

/** A server as a process; it can be killed and started again under the same folder and port. */
export class ServerProcess {
  readonly name: string;
  readonly port: number;
  readonly data: string;
  readonly lines: LogLine[] = [];
  /** Everything the process wrote to standard error that is no log line. */
  readonly plain: string[] = [];
  #child: ChildProcess | null = null;
  #exited: Promise<number | string> = Promise.resolve('not started');
  #watchers: (() => void)[] = [];

  constructor(name: string, port: number, data: string) {
    this.name = name;
    this.port = port;
    this.data = data;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts the process and waits until it listens. */
  async start(options: StartOptions = {}): Promise<this> {
    const from = this.lines.length;
    this.launch(options);
    const ended = this.#exited.then((code) => {
      throw new Error(`${this.name} ended (${code}) before it listened: ${this.tail()}`);
    });
    await Promise.race([this.says('listening', { from }), ended]);
    return this;
  }

  /** Starts the process, whatever becomes of it. */
  launch(options: StartOptions = {}): void {
    const { peers = [], flags = [], mdns = false, environment = {} } = options;
    const args = ['start', '--id', this.name, '--listen', this.address, '--data', this.data];
    if (peers.length > 0) args.push('--peers', peers.join(','));
    if (!mdns) args.push('--no-mdns');
    const child = spawn(process.execPath, [program, ...args, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      this.#read(line);
    });
  }

  /** Waits for a line of the log, from `from` on (lines counted from 0). */
  says(
    event: string,
    {
      from = 0,
      where = () => true,
      millis = 20_000,
    }: {
      readonly from?: number;
      readonly where?: (line: LogLine) => boolean;
      readonly millis?: number;
    } = {},
  ): Promise<LogLine> {
    const found = new Promise<LogLine>((resolve) => {
      const look = (): void => {
        const at = this.lines.findIndex(
          (line, index) => index >= from && line.msg === event && where(line),
        );
        const line = this.lines[at];
        if (line !== undefined) {
          this.#watchers = this.#watchers.filter((watcher) => watcher !== look);
          resolve(line);
        }
      };
      this.#watchers.push(look);
      look();
    });
    return within(millis, `${this.name} says "${event}"`, found);
  }

  /** Ends the process at once, as a power cut of the process would; waits until it is gone. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  /** Stops the process cleanly; its exit code. */
  async stop(): Promise<number | string> {
    this.#child?.kill('SIGTERM');
    return within(10_000, `${this.name} stops`, this.#exited);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** The exit code, or the signal, once the process is gone. */
  exit(millis = 20_000): Promise<number | string> {
    return within(millis, `${this.name} ends`, this.#exited);
  }

  /** The last lines, for error messages. */
  tail(): string {
    const lines = this.lines.slice(-8).map((line) => JSON.stringify(line));
    return [...lines, ...this.plain.slice(-8)].join('\n');
  }

  #read(line: string): void {
    try {
      this.lines.push(JSON.parse(line) as LogLine);
    } catch {
      this.plain.push(line);
    }
    for (const watcher of [...this.#watchers]) watcher();
  }
}

/** A handful of servers with folders under one temporary folder. */
export class Servers {
  readonly folder: string;
  readonly all: ServerProcess[] = [];
  readonly #flags: readonly string[];
  readonly #clients: Client[] = [];

  /** @param flags for every server, on every start. */
  constructor(flags: readonly string[] = []) {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quorate-'));
    this.#flags = flags;
  }

  /** Founds a cluster of one and joins the others one after the other, without waiting for
   * votes. */
  static async cluster(count: number, flags: readonly string[] = []): Promise<Servers> {
    const servers = new Servers(flags);
    for (let i = 1; i <= count; i++) await servers.add(`server${i}`);
    return servers;
  }

  /** Starts one more server, with all present ones as its peers. */
  async add(name: string, options: StartOptions = {}): Promise<ServerProcess> {
    const server = await this.place(name);
    return this.start(server, options);
  }

  /** A server that is not started yet. */
  async place(name: string): Promise<ServerProcess> {
    const server = new ServerProcess(name, await freePort(), path.join(this.folder, name));
    this.all.push(server);
    return server;
  }

  /** Starts or restarts a server with all the others as its peers. */
  start(server: ServerProcess, options: StartOptions = {}): Promise<ServerProcess> {
    const peers = options.peers ?? this.all.filter((one) => one !== server).map((o) => o.address);
    const flags = [...this.#flags, ...(options.flags ?? [])];
    return server.start({ ...options, peers, flags });
  }

  get running(): readonly ServerProcess[] {
    return this.all.filter((server) => server.isRunning);
  }

  /** A client of the running servers, or of one of them, closed by `stopAll`. */
  async client(
    options: { readonly timeoutMillis?: number; readonly only?: ServerProcess } = {},
  ): Promise<Client> {
    const { only, ...rest } = options;
    const targets =
      only === undefined ? this.running.map(({ address }) => address) : [only.address];
    const preferLeader = only === undefined;
    const client = await connect({ targets, preferLeader, timeoutMillis: 15_000, ...rest });
    this.#clients.push(client);
    return client;
  }

  /** Waits until the cluster, as the servers that run see it, is as wanted. */
  async until(
    what: string,
    wanted: (status: ClusterStatus) => boolean,
    millis = 30_000,
  ): Promise<ClusterStatus> {
    const giveUpAt = Date.now() + millis;
    let last = 'nobody answered';
    while (Date.now() < giveUpAt) {
      for (const { address } of this.running) {
        const status = await statusAt(address).catch((error: Error) => {
          last = error.message;
          return null;
        });
        if (status === null) continue;
        if (wanted(status)) return status;
        last = JSON.stringify(status);
      }
      // Nothing announces what another process thinks: polling is all there is.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${what}: not within ${millis} ms; last seen: ${last}`);
  }

  /** Waits until `count` members vote, outside a joint change, under a leader. */
  untilVoters(count: number, millis = 60_000): Promise<ClusterStatus> {
    return this.until(
      `${count} voters`,
      (status) =>
        status.leader !== null &&
        !status.joint &&
        status.members.filter(({ role }) => role === 'voter').length === count,
      millis,
    );
  }

  /** The server that leads, once all that run agree on one. */
  async leader(): Promise<ServerProcess> {
    const status = await this.until('a leader', ({ leader, self }) => {
      return leader !== null && self.role === 'leader';
    });
    const found = this.all.find(({ name }) => name === status.self.name);
    if (found === undefined) throw new Error(`${status.self.name} leads and is not ours`);
    return found;
  }

  byName(name: string): ServerProcess {
    const found = this.all.find((server) => server.name === name);
    if (found === undefined) throw new Error(`no server ${name}`);
    return found;
  }

  /** Ends everything and removes the folders. */
  async stopAll(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close().catch(() => {})));
    for (const server of this.all) {
      server.signal('SIGCONT');
      await server.kill();
    }
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What one server says of its cluster. */
export async function statusAt(address: string): Promise<ClusterStatus> {
  const client = await connect({ targets: [address], timeoutMillis: 2000, preferLeader: false });
  try {
    return await client.status();
  } finally {
    await client.close();
  }
}

/** All records of the default stream, as one server has applied them. */
export async function recordsAt(address: string): Promise<readonly string[]> {
  const client = await connect({ targets: [address], timeoutMillis: 10_000, preferLeader: false });
  try {
    const found: string[] = [];
    for (;;) {
      const { records } = await client.read({ from: found.length + 1, limit: 10_000 });
      if (records.length === 0) return found;
      for (const { data } of records) found.push(Buffer.from(data).toString('utf8'));
    }
  } finally {
    await client.close();
  }
}
