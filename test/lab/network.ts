/**
 * Machines that are network namespaces, joined by a bridge in a namespace of its own: a host has
 * one interface, eth0, whose other end is a port of that bridge. The machine's own interfaces are
 * not part of it and no route leads out.
 * Faults are between pairs and one-way: each port holds a packet filter of what does not reach its
 * host. A cut is silence, as a pulled cable between switches: nobody is told.
 */

import {
  inside,
  Lacking,
  newLabName,
  pidsInside,
  removeNamespace,
  removeStale,
  runTool,
} from './namespaces.js';
import { hardwareAddress, packetFilter } from './packet-filter.js';

/** How long a port may take to forward once its link is up, milliseconds: a second was seen. */
const portMillis = 5000;

/** The network of one lab; hosts are numbered from 1. */
export class Network {
  readonly name: string;
  readonly #addresses = new Map<number, string>();
  /** Share of frames lost from one host to another: `to` → `from` → share. */
  readonly #losses = new Map<number, Map<number, number>>();

  private constructor(name: string) {
    this.name = name;
  }

  /** Makes a network of `count` hosts, and removes first what crashed makers left. */
  static async make(count: number): Promise<Network> {
    await removeStale();
    const network = new Network(newLabName());
    try {
      await runTool('ip', ['netns', 'add', network.#switch]);
      await network.#inSwitch(['link add bridge0 type bridge', 'link set bridge0 up']);
      for (let host = 1; host <= count; host++) await network.#addHost(host);
    } catch (error) {
      await network.remove();
      throw error;
    }
    return network;
  }

  get hosts(): readonly number[] {
    return [...this.#addresses.keys()];
  }

  get #switch(): string {
    return `${this.name}-switch`;
  }

  namespace(host: number): string {
    return `${this.name}-host${host}`;
  }

  /** The address that a host has now. */
  address(host: number): string {
    const address = this.#addresses.get(host);
    if (address === undefined) throw new Error(`there is no host ${host}`);
    return address;
  }

  /** A command, run in a host. */
  command(host: number, words: readonly string[]): readonly string[] {
    return [...inside(this.namespace(host)), ...words];
  }

  pids(host: number): Promise<readonly number[]> {
    return pidsInside(this.namespace(host));
  }

  /** Nothing of `from` reaches `to`; the other way stays as it is. */
  cut(from: readonly number[], to: readonly number[]): Promise<void> {
    return this.lose(from, to, 1);
  }

  /** Silence between two sets, both ways. Hosts in neither see all. */
  async partition(some: readonly number[], others: readonly number[]): Promise<void> {
    await this.cut(some, others);
    await this.cut(others, some);
  }

  /** Silence between a host and all others. */
  isolate(host: number): Promise<void> {
    return this.partition(
      [host],
      this.hosts.filter((other) => other !== host),
    );
  }

  /** Loses a share of the frames from one set to another; 0: none. */
  async lose(from: readonly number[], to: readonly number[], share: number): Promise<void> {
    for (const receiver of to) {
      const losses = this.#losses.get(receiver) ?? new Map<number, number>();
      this.#losses.set(receiver, losses);
      for (const sender of from) if (sender !== receiver) losses.set(sender, share);
    }
    await this.#setFilters(to);
  }

  /** Ends all cuts and losses. */
  async heal(): Promise<void> {
    const ports = [...this.#losses.keys()];
    this.#losses.clear();
    await this.#setFilters(ports);
  }

  /**
   * Delays all that a host sends; 0: no more.
   * @throws Lacking where the kernel has no netem.
   */
  async delay(host: number, millis: number): Promise<void> {
    const netem = millis === 0 ? 'qdisc del dev eth0 root' : `qdisc replace dev eth0 root netem`;
    const words = millis === 0 ? netem : `${netem} delay ${millis}ms`;
    try {
      await runTool('tc', ['-n', this.namespace(host), ...words.split(' ')]);
    } catch (error) {
      throw new Lacking(`this kernel cannot delay packets (netem): ${(error as Error).message}`);
    }
  }

  /** A host sends no faster than this; what waits longer than 400 ms is lost. Null: no limit. */
  async limitRate(host: number, kbitPerSecond: number | null): Promise<void> {
    const on = `qdisc replace dev eth0 root tbf rate ${kbitPerSecond}kbit burst 16kb latency 400ms`;
    const words = kbitPerSecond === null ? 'qdisc del dev eth0 root' : on;
    await runTool('tc', ['-n', this.namespace(host), ...words.split(' ')]);
  }

  /** What has left a host by its interface so far: everything, headers of Ethernet too. */
  async sent(host: number): Promise<{ readonly packets: number; readonly bytes: number }> {
    const [file, ...words] = this.command(host, ['cat', '/proc/net/dev']);
    const told = await runTool(file as string, words);
    const line = /^\s*eth0:(.*)$/m.exec(told)?.[1]?.trim().split(/\s+/) ?? [];
    // Eight counters of what came, then those of what went: bytes, packets, …
    const [bytes, packets] = [Number(line[8]), Number(line[9])];
    if (Number.isNaN(bytes + packets)) throw new Error(`host ${host} counts nothing: ${told}`);
    return { packets, bytes };
  }

  /** Pulls the cable out of the host: its interface is down, and its routes are gone. */
  async linkDown(host: number): Promise<void> {
    await this.#inHost(host, ['link set eth0 down']);
  }

  /** Puts it back in, and the routes with it; the switch takes up to a second to notice. */
  async linkUp(host: number): Promise<void> {
    await this.#inHost(host, ['link set eth0 up', ...routes]);
    const giveUpAt = performance.now() + portMillis;
    const words = ['-n', this.#switch, 'link', 'show', 'dev', `port${host}`];
    while (!(await runTool('bridge', words)).includes('state forwarding')) {
      if (performance.now() > giveUpAt) throw new Error(`the port of host ${host} stays down`);
      await new Promise((wake) => setTimeout(wake, 50));
    }
  }

  /** Gives a host another address; the old one is gone at once. */
  async readdress(host: number, generation: number): Promise<void> {
    const address = addressOf(host, generation);
    const words = ['address flush dev eth0', `address add ${address}/16 dev eth0`, ...routes];
    await this.#inHost(host, words);
    this.#addresses.set(host, address);
  }

  /** Ends all that runs in the network, and the network. */
  async remove(): Promise<void> {
    const listed = await runTool('ip', ['netns', 'list']);
    const names = listed.split('\n').map((line) => line.split(' ')[0] ?? '');
    for (const name of names) if (name.startsWith(`${this.name}-`)) await removeNamespace(name);
  }

  async #addHost(host: number): Promise<void> {
    const namespace = this.namespace(host);
    const mac = hardwareAddress(host);
    await runTool('ip', ['netns', 'add', namespace]);
    await this.#inSwitch([
      `link add port${host} type veth peer name eth0 address ${mac} netns ${namespace}`,
      `link set port${host} master bridge0 up`,
    ]);
    await runTool('tc', ['-n', this.#switch, 'qdisc', 'add', 'dev', `port${host}`, 'clsact']);
    // Without lo a host does not reach its own address.
    await this.#inHost(host, ['link set lo up', 'link set eth0 up']);
    await this.readdress(host, 0);
  }

  async #setFilters(ports: readonly number[]): Promise<void> {
    const lines = ports.map((port) => {
      const rules = [...(this.#losses.get(port) ?? [])]
        .filter(([, lossShare]) => lossShare > 0)
        .map(([from, lossShare]) => ({ from, lossShare }));
      const where = `filter replace dev port${port} egress pref 1 handle 1`;
      return `${where} bpf direct-action bytecode "${packetFilter(rules)}"`;
    });
    await runTool('tc', ['-n', this.#switch, '-batch', '-'], `${lines.join('\n')}\n`);
  }

  #inSwitch(lines: readonly string[]): Promise<string> {
    return runTool('ip', ['-n', this.#switch, '-batch', '-'], `${lines.join('\n')}\n`);
  }

  #inHost(host: number, lines: readonly string[]): Promise<string> {
    return runTool('ip', ['-n', this.namespace(host), '-batch', '-'], `${lines.join('\n')}\n`);
  }
}

/** Without a route for multicast, mDNS cannot send; the route goes with link and address. */
const routes = ['route replace 224.0.0.0/4 dev eth0'];

function addressOf(host: number, generation: number): string {
  return `10.66.${generation}.${host}`;
}

let found: Promise<string | null> | null = null;

/** Why this machine cannot hold a lab, or null; asked of the machine once. */
export function whyNoLab(): Promise<string | null> {
  found ??= tryOut();
  return found;
}

async function tryOut(): Promise<string | null> {
  if (process.platform !== 'linux') return 'it needs network namespaces, which only Linux has';
  if (process.getuid?.() !== 0) return 'it needs root, to make network namespaces';
  try {
    await runTool('nsenter', ['--version']);
    const network = await Network.make(2);
    try {
      await network.isolate(1);
      const [file, ...words] = network.command(1, ['true']);
      await runTool(file as string, words);
    } finally {
      await network.remove();
    }
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Why this machine cannot delay packets, or null. */
export async function whyNoDelay(): Promise<string | null> {
  const network = await Network.make(1);
  try {
    await network.delay(1, 1);
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await network.remove();
  }
}
