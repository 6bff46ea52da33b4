/**
 * What a cluster of so many real servers costs, and how fast news goes round in it: five voters,
 * the others stand-bys, at rest. The traffic of gossip is what each server counts itself
 * (`status`); beside it stands all that left its host, which is consensus and the links' own signs
 * of life too.
 * Then one after the other is killed and started again, and another server joins and is removed.
 * The same is measured in virtual time in test/sim/many-servers.ts.
 */

import * as os from 'node:os';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import { type Busy, busySince } from './busy.js';
import { type Calls, callsIn } from './calls.js';
import type { Lab } from './lab.js';
import type { LabServer } from './lab-server.js';

/** What a measurement is told. */
export interface ManyOptions {
  readonly servers: number;
  /** How long traffic is counted. */
  readonly seconds: number;
  /** How many are killed, one after the other. */
  readonly kills: number;
  /** How many join, and are removed again. */
  readonly joins: number;
}

/** As in the simulator; more joins, for they take no time but the machine's. */
export const manyDefaults: Pick<ManyOptions, 'kills' | 'joins'> = Object.freeze({
  kills: 5,
  joins: 10,
});

/** What one server sent, in a second. */
export interface Traffic {
  /** Of gossip: frames and their bytes before encryption, each way of a publication counted. */
  readonly frames: number;
  readonly bytes: number;
  /** Of everything, as it left the host: bytes and packets. */
  readonly wireBytes: number;
  readonly wirePackets: number;
}

/** How long news took until the last server had it, milliseconds. */
export interface Newcomer {
  /** From the leader's wish to admit it until that was committed at every other server. */
  readonly admitted: number;
  /** From the same moment until every other server's table had its address. */
  readonly located: number;
}

/** What was seen at one size. */
export interface Many {
  readonly servers: number;
  /** Of each server at rest. */
  readonly traffic: readonly Traffic[];
  /** From each kill until the last of the others called the server dead, milliseconds. */
  readonly deaths: readonly number[];
  readonly newcomers: readonly Newcomer[];
  /** What servers said of one another while traffic was counted and nothing was done. */
  readonly unrest: Calls;
  readonly busy: Busy;
}

const votersMost = 5;
/** Suspicions are told at this level, and little else. */
const flags = ['--log-level', 'debug'];
/** How long servers may take to be whole, milliseconds: many of them share two cores. */
const patienceMillis = 120_000;

/**
 * Measures one cluster.
 * @param lab a fresh one, with a host more than the cluster has servers.
 * @param say takes a line as soon as there is one.
 */
export function measureMany(
  lab: Lab,
  options: ManyOptions,
  say: (line: string) => void,
): Promise<Many> {
  return new Scale(lab, options, say).measure();
}

class Scale {
  readonly #lab: Lab;
  readonly #options: ManyOptions;
  readonly #say: (line: string) => void;
  readonly #servers: readonly LabServer[];
  readonly #spare: LabServer;

  constructor(lab: Lab, options: ManyOptions, say: (line: string) => void) {
    this.#lab = lab;
    this.#options = options;
    this.#say = say;
    this.#servers = lab.servers.slice(0, options.servers);
    this.#spare = lab.servers[options.servers] as LabServer;
  }

  async measure(): Promise<Many> {
    const { servers, seconds, kills, joins } = this.#options;
    await this.#assemble();
    const cores = os.cpus();
    this.#say(`${servers} servers are whole; counting for ${seconds} s`);
    const from = this.#servers.map(({ lines }) => lines.length);
    const begunAt = Date.now();
    const traffic = await this.#traffic();
    const logs = this.#servers.map(({ name, lines }, at) => ({
      name,
      lines: lines.slice(from[at]),
    }));
    const unrest = callsIn(logs, begunAt);
    const deaths: number[] = [];
    while (deaths.length < kills) deaths.push(await this.#death(deaths.length));
    const newcomers: Newcomer[] = [];
    while (newcomers.length < joins) newcomers.push(await this.#newcomer());
    return { servers, traffic, deaths, newcomers, unrest, busy: busySince(cores) };
  }

  /** Each is a member before the next one starts: many starts at once would only wait. */
  async #assemble(): Promise<void> {
    for (const server of this.#servers) {
      const peers = this.#lab.running.map(({ address }) => address);
      await server.start({ peers, flags });
      if (peers.length > 0) await server.says('joined the cluster', { millis: patienceMillis });
    }
    await this.#whole();
  }

  /** All vote that should, the others are stand-bys, and each server sees all of them alive. */
  async #whole(): Promise<void> {
    const { servers } = this.#options;
    const voters = Math.min(votersMost, servers - 1 + (servers % 2));
    const seesAll = ({ members }: ClusterStatus): boolean =>
      members.length === servers && members.every(({ health }) => health === 'alive');
    const isWhole = (status: ClusterStatus): boolean => {
      const roles = status.members.map(({ role }) => role);
      const isFull = roles.filter((role) => role === 'voter').length === voters;
      const isReady = roles.every((role) => role !== 'learner');
      return status.self.role === 'leader' && !status.joint && seesAll(status) && isFull && isReady;
    };
    const millis = patienceMillis;
    await this.#lab.until('all are voters or stand-bys', isWhole, { millis });
    for (const server of this.#servers) {
      await this.#lab.until(`${server.name} sees all`, seesAll, { millis, among: [server] });
    }
  }

  async #traffic(): Promise<readonly Traffic[]> {
    const before = await Promise.all(this.#servers.map((server) => this.#countBefore(server)));
    await new Promise((wake) => setTimeout(wake, this.#options.seconds * 1000));
    return Promise.all(
      this.#servers.map(async (server, at) => this.#since(server, before[at] as Counted)),
    );
  }

  /** The questions themselves are kept out of what left the host. */
  async #countBefore(server: LabServer): Promise<Counted> {
    const gossip = await this.#gossip(server);
    const wire = await this.#lab.network.sent(server.host);
    return { gossip, wire: { ...wire, at: performance.now() } };
  }

  async #since(server: LabServer, before: Counted): Promise<Traffic> {
    const wire = await this.#lab.network.sent(server.host);
    const wireSeconds = (performance.now() - before.wire.at) / 1000;
    const gossip = await this.#gossip(server);
    const seconds = (gossip.at - before.gossip.at) / 1000;
    return {
      frames: (gossip.frames - before.gossip.frames) / seconds,
      bytes: (gossip.bytes - before.gossip.bytes) / seconds,
      wireBytes: (wire.bytes - before.wire.bytes) / wireSeconds,
      wirePackets: (wire.packets - before.wire.packets) / wireSeconds,
    };
  }

  async #gossip({ name, address }: LabServer): Promise<Counted['gossip']> {
    const { self } = await this.#lab.agent().call('status', { address });
    if (self.gossipSent === null) throw new Error(`${name} does not tell what its gossip sends`);
    return { ...self.gossipSent, at: performance.now() };
  }

  /** Kills a stand-by, or where there is none a follower; it is started again. */
  async #death(turn: number): Promise<number> {
    const victim = await this.#victim(turn);
    const others = this.#servers.filter((server) => server !== victim);
    const killed = others.map((server) => ({ server, from: server.lines.length }));
    const fields = { server: victim.name };
    const killedAt = Date.now();
    await victim.kill();
    const dead = killed.map(({ server, from }) =>
      server.says('a member is called dead', { from, fields }),
    );
    const times = (await Promise.all(dead)).map((line) => Number(line['time']));
    const millis = Math.max(...times) - killedAt;
    this.#say(`${victim.name} killed: dead to the last after ${millis} ms`);
    await this.#lab.start(victim, { peers: others.map(({ address }) => address), flags });
    await this.#whole();
    return millis;
  }

  async #victim(turn: number): Promise<LabServer> {
    const leads = ({ self }: ClusterStatus): boolean => self.role === 'leader';
    const { members, self } = await this.#lab.until('a leader', leads);
    const others = members.filter(({ name }) => name !== self.name);
    const standbys = others.filter(({ role }) => role === 'standby');
    const candidates = standbys.length > 0 ? standbys : others;
    return this.#lab.byName((candidates[turn % candidates.length] as { name: string }).name);
  }

  /** One more server joins, and is removed again. */
  async #newcomer(): Promise<Newcomer> {
    const lab = this.#lab;
    const spare = this.#spare;
    const leader = await lab.leader();
    const peers = this.#servers.map(({ address }) => address);
    const begun = this.#servers.map((server) => ({ server, from: server.lines.length }));
    const asked = leader.says('membership change proposed', { from: leader.lines.length });
    const order = { watchers: peers, member: spare.name, address: spare.address };
    const watched = lab.agent().call('watchTables', { ...order, timeoutMillis: 30_000 });
    const from = spare.lines.length;
    await spare.start({ peers });
    const { memberId } = await spare.says('joined the cluster', { from });
    const applied = begun.map(({ server, from: since }) =>
      server.says('membership', { from: since, fields: { index: memberId } }),
    );
    const times = (await Promise.all(applied)).map((line) => Number(line['time']));
    const askedAt = Number((await asked)['time']);
    const admitted = Math.max(...times) - askedAt;
    const located = Math.max(...(await watched)) - askedAt;
    this.#say(`${spare.name} joined: admitted ${admitted} ms, located ${located} ms`);
    await lab.agent().call('remove', { targets: peers, member: spare.name });
    await spare.exit();
    spare.wipe();
    await this.#whole();
    return { admitted, located };
  }
}

interface Counted {
  readonly gossip: { readonly frames: number; readonly bytes: number; readonly at: number };
  readonly wire: { readonly packets: number; readonly bytes: number; readonly at: number };
}
