/**
 * `quorate dev cluster` and `quorate dev kill-leader`: several servers on this machine, for trying
 * things out. Each is a process of its own with a folder under data/; their lines come out prefixed
 * by name. Who runs is noted in a file, so that another shell can find the leader's process.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect } from '../client/connect.js';
import { secretOf } from './context.js';
import { CommandError, UsageError } from './faults.js';

const program = fileURLToPath(new URL('../../bin/quorate.js', import.meta.url));
const noteFile = '.cluster/servers.json';
const serversMax = 15;
const colours = [36, 33, 35, 32, 34, 96, 93, 95, 92, 94];

/** How long a server may take to stop before it is killed, milliseconds. */
const stopMillisMax = 4000;

/** How a local cluster is made. */
export interface LocalClusterOptions {
  readonly servers: number;
  /** Port of the first server; the others count up. */
  readonly port: number;
}

interface Noted {
  readonly name: string;
  readonly address: string;
  readonly pid: number;
}

/** Runs a cluster until Ctrl-C; the exit code. */
export async function runLocalCluster(options: LocalClusterOptions): Promise<number> {
  const { servers, port } = options;
  if (servers > serversMax) throw new UsageError(`at most ${serversMax} servers`);
  refuseSecondCluster();
  const names = Array.from({ length: servers }, (_, i) => `server${i + 1}`);
  const addresses = names.map((_, i) => `127.0.0.1:${port + i}`);
  process.stderr.write(
    `${servers} servers on ports ${port} to ${port + servers - 1}, data in data/; Ctrl-C ` +
      `stops all\n`,
  );
  const children = names.map((name, i) => {
    const peers = i === 0 ? [] : addresses.filter((_, other) => other !== i);
    return startOne({ name, address: addresses[i] as string, peers, at: i });
  });
  note(
    children.map(({ pid }, i) => ({
      name: names[i] as string,
      address: addresses[i] as string,
      pid: pid as number,
    })),
  );
  const code = await untilEnd(children, names, addresses);
  fs.rmSync(noteFile, { force: true });
  return code;
}

/** Kills the process of the server that leads; what it did, one line. */
export async function killLeader(): Promise<string> {
  const noted = readNote();
  if (noted === null) throw new CommandError('no local cluster runs here; start one: make cluster');
  const targets = noted.map(({ address }) => address);
  const secret = await secretOf({});
  const client = await connect({ targets, timeoutMillis: 5000, preferLeader: false, ...secret });
  let leader: string;
  try {
    const status = await client.status();
    if (status.leader === null) throw new CommandError('nobody leads right now; try again');
    leader = status.leader.name;
  } finally {
    await client.close();
  }
  const victim = noted.find(({ name }) => name === leader);
  if (victim === undefined || !isOurServer(victim)) {
    throw new CommandError(`${leader} leads and is no process of the local cluster`);
  }
  process.kill(victim.pid, 'SIGKILL');
  return `killed ${leader}, the leader (process ${victim.pid}); watch the others elect the next`;
}

interface OneServer {
  readonly name: string;
  readonly address: string;
  readonly peers: readonly string[];
  readonly at: number;
}

function startOne({ name, address, peers, at }: OneServer): ChildProcess {
  const args = ['start', '--id', name, '--listen', address, '--data', `data/${name}`, '--no-mdns'];
  if (peers.length > 0) args.push('--peers', peers.join(','));
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Ctrl-C of the terminal reaches this process alone, which then stops the servers in turn.
    detached: true,
    env: process.env,
  });
  const isColoured = process.stderr.isTTY === true && process.env['NO_COLOR'] === undefined;
  const colour = colours[at % colours.length];
  const prefix = isColoured ? `\u001b[${colour}m${name}\u001b[0m` : name;
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    process.stderr.write(`${prefix} | ${readable(line)}\n`);
  });
  return child;
}

/** A JSON log line as people read it; anything else as it is. */
function readable(line: string): string {
  try {
    const { level, time, name: _name, msg, ...fields } = JSON.parse(line) as LogLine;
    const clock = new Date(time).toISOString().slice(11, 23);
    const sign = level >= 50 ? 'ERROR ' : level >= 40 ? 'WARN ' : '';
    const rest = Object.entries(fields).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    return [clock, `${sign}${msg}`, ...rest].join(' ');
  } catch {
    return line;
  }
}

interface LogLine {
  readonly level: number;
  readonly time: number;
  readonly name: string;
  readonly msg: string;
}

function untilEnd(
  children: readonly ChildProcess[],
  names: readonly string[],
  addresses: readonly string[],
): Promise<number> {
  return new Promise((resolve) => {
    let isStopping = false;
    let left = children.length;
    const stop = (): void => {
      if (isStopping) for (const child of children) child.kill('SIGKILL');
      isStopping = true;
      for (const child of children) child.kill('SIGTERM');
      setTimeout(() => {
        for (const child of children) child.kill('SIGKILL');
      }, stopMillisMax).unref();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    children.forEach((child, at) => {
      child.once('exit', (code, signal) => {
        left -= 1;
        if (!isStopping) process.stderr.write(`${lost(at, code ?? signal, names, addresses)}\n`);
        if (left === 0) resolve(isStopping ? 0 : 1);
      });
    });
  });
}

/** What happened to a server, and how to bring it back. */
function lost(
  at: number,
  how: number | string | null,
  names: readonly string[],
  addresses: readonly string[],
): string {
  const name = names[at];
  const port = addresses[at]?.split(':')[1];
  const peers = addresses.filter((_, other) => other !== at).join(',');
  return (
    `${name} ended (${how}); to bring it back: ` +
    `make run-server SERVER_ID=${name} PORT=${port} HOST=127.0.0.1 PEERS=${peers}`
  );
}

function refuseSecondCluster(): void {
  const running = readNote()?.filter(isOurServer) ?? [];
  if (running.length === 0) return;
  const names = running.map(({ name }) => name).join(', ');
  throw new CommandError(`a local cluster runs here already (${names}); stop it with Ctrl-C first`);
}

function note(servers: readonly Noted[]): void {
  fs.mkdirSync('.cluster', { recursive: true });
  fs.writeFileSync(noteFile, JSON.stringify(servers));
}

function readNote(): readonly Noted[] | null {
  try {
    return JSON.parse(fs.readFileSync(noteFile, 'utf8')) as readonly Noted[];
  } catch {
    return null;
  }
}

/** Whether that process is still the server that was noted: pids are used again. */
function isOurServer({ pid, name }: Noted): boolean {
  try {
    const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.includes('start') && words.includes(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && fs.existsSync('/proc/self')) {
      return false;
    }
    return isAlive(pid);
  }
}

/** For systems without /proc: the number alone has to do. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
