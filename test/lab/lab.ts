/**
 * A lab: some hosts with a server each, one more host for clients, and what tests ask of them. All
 * of it goes when the test ends; after a failure the logs stay for an hour.
 */

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import { within } from '../process/servers.js';
import { AgentProcess } from './agent-process.js';
import { LabServer, type LabStart, plainEnvironment, program } from './lab-server.js';
import { Lacking, labFolder } from './namespaces.js';
import { Network, whyNoLab } from './network.js';

/** What a command came to. */
export interface CommandEnd {
  readonly code: number | string;
  readonly out: string;
  readonly err: string;
}

/** How a record is appended. */
export interface Via {
  /** The servers that the client knows. @default all */
  readonly to?: readonly LabServer[];
  /** The host that the client runs in. @default that of the clients */
  readonly from?: number;
  /** How long it may take. @default 10000 */
  readonly millis?: number;
}

/** One lab. */
export class Lab {
  readonly network: Network;
  readonly servers: LabServer[] = [];
  /** The host of the clients: it has no server. */
  readonly clientHost: number;
  readonly #folder: string;
  readonly #agents = new Map<number, AgentProcess>();

  private constructor(network: Network) {
    this.network = network;
    this.clientHost = network.hosts.length;
    this.#folder = labFolder(network.name);
    fs.mkdirSync(this.#folder);
    for (const host of network.hosts.slice(0, -1)) {
      this.servers.push(new LabServer(`server${host}`, { network, host, folder: this.#folder }));
    }
  }

  /** A lab of `count` hosts for servers and one for clients; nothing runs in it yet. */
  static async make(count: number): Promise<Lab> {
    return new Lab(await Network.make(count + 1));
  }

  /** The server of a host. */
  server(host: number): LabServer {
    const server = this.servers[host - 1];
    if (server === undefined) throw new Error(`there is no server ${host}`);
    return server;
  }

  get running(): readonly LabServer[] {
    return this.servers.filter(({ isRunning }) => isRunning);
  }

  get addresses(): readonly string[] {
    return this.servers.map(({ address }) => address);
  }

  /** The addresses of all servers but one: its PEERS. */
  peersOf(server: LabServer): readonly string[] {
    return this.servers.filter((one) => one !== server).map(({ address }) => address);
  }

  /** Starts the first `count` servers one after the other, the first one as the founder. */
  async grow(count: number, flags: readonly string[] = []): Promise<void> {
    for (const server of this.servers.slice(0, count)) {
      const others = this.running.map(({ address }) => address);
      await server.start({ peers: others, flags });
    }
  }

  /** Starts a server again, or a further one, with all others as its peers. */
  start(server: LabServer, options: LabStart = {}): Promise<LabServer> {
    return server.start({ peers: this.peersOf(server), ...options });
  }

  /** The agent in a host. */
  agent(host = this.clientHost): AgentProcess {
    const agent = this.#agents.get(host) ?? new AgentProcess(this.network.command(host, []));
    this.#agents.set(host, agent);
    return agent;
  }

  /** Runs `quorate WORDS…` in a host. */
  quorate(words: readonly string[], host = this.clientHost): Promise<CommandEnd> {
    const own = [process.execPath, program, ...words];
    const [file, ...rest] = this.network.command(host, own);
    const child = spawn(file as string, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: plainEnvironment(),
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const ended = new Promise<CommandEnd>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) =>
        resolve({ code: code ?? signal ?? 'unknown', out, err }),
      );
    });
    return within(30_000, `quorate ${words.join(' ')}`, ended);
  }

  /** Waits until some server that is awake sees the cluster as wanted. */
  async until(
    what: string,
    wanted: (status: ClusterStatus) => boolean,
    {
      millis = 30_000,
      among = this.servers,
    }: {
      readonly millis?: number;
      readonly among?: readonly LabServer[];
    } = {},
  ): Promise<ClusterStatus> {
    const giveUpAt = performance.now() + millis;
    const agent = this.agent();
    let last = 'nobody answered';
    while (performance.now() < giveUpAt) {
      const asked = among
        .filter(({ isAwake }) => isAwake)
        .map(({ address }) => {
          return agent.call('status', { address }).catch((error: Error) => error);
        });
      for (const status of await Promise.all(asked)) {
        if (!(status instanceof Error) && wanted(status)) return status;
        last = status instanceof Error ? status.message : JSON.stringify(status);
      }
      // Nothing announces what another process thinks: asking again is all there is.
      await new Promise((wake) => setTimeout(wake, 100));
    }
    throw new Error(`${what}: not within ${millis} ms; last seen: ${last}`);
  }

  /** Waits until `count` members vote, outside a joint change, under a leader, and all are alive. */
  untilVoters(count: number, millis = 40_000): Promise<ClusterStatus> {
    const wanted = (status: ClusterStatus): boolean => {
      const voters = status.members.filter(({ role }) => role === 'voter');
      const isWhole = voters.every(({ health }) => health === 'alive');
      return status.self.role === 'leader' && !status.joint && voters.length === count && isWhole;
    };
    return this.until(`${count} voters`, wanted, { millis });
  }

  /** All servers but these. */
  without(...gone: readonly LabServer[]): readonly LabServer[] {
    return this.servers.filter((server) => !gone.includes(server));
  }

  /** Appends a record; the sequence number. */
  append(data: string, { to = this.servers, from, millis = 10_000 }: Via = {}): Promise<number> {
    const targets = to.map(({ address }) => address);
    return this.agent(from).call('append', { targets, data, timeoutMillis: millis });
  }

  /** The server that leads, as those say that are asked. */
  async leader(among: readonly LabServer[] = this.servers, millis = 20_000): Promise<LabServer> {
    const wanted = ({ self }: ClusterStatus): boolean => self.role === 'leader';
    const status = await this.until('a leader', wanted, { millis, among });
    return this.byName(status.self.name);
  }

  byName(name: string): LabServer {
    const found = this.servers.find((server) => server.name === name);
    if (found === undefined) throw new Error(`no server ${name}`);
    return found;
  }

  /** The end of each log, and where the logs are. */
  trouble(): string {
    const tails = this.servers.map((server) => `── ${server.name}\n${server.tail()}`);
    return [...tails, `── whole logs, for an hour: ${this.#folder}`].join('\n');
  }

  /** Ends all of it. @param keepLogs leaves the logs of the servers. */
  async remove(keepLogs: boolean): Promise<void> {
    for (const agent of this.#agents.values()) agent.end();
    await this.network.remove();
    await Promise.all(this.running.map((server) => server.exit()));
    for (const server of this.servers) server.wipe();
    if (!keepLogs) fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * A test body in a lab of `count` servers. Where this machine cannot do what it needs, it says that
 * it is skipped and why, and succeeds.
 */
export function inLab(count: number, body: (lab: Lab) => Promise<void>): () => Promise<void> {
  return async () => {
    const lacking = await whyNoLab();
    if (lacking !== null) return skip(lacking);
    const lab = await Lab.make(count);
    let hasFailed = false;
    try {
      await body(lab);
    } catch (error) {
      if (error instanceof Lacking) return skip(error.message);
      hasFailed = true;
      console.log(lab.trouble());
      throw error;
    } finally {
      await lab.remove(hasFailed);
    }
  };
}

function skip(why: string): void {
  console.log(`lab: skipped: ${why}`);
}
