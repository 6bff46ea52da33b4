/**
 * Gets a server without a cluster into one: asks the addresses it was given (PEERS) and those that
 * mDNS finds who is there, and asks one that is in a cluster to take it in. It never founds: seeing
 * nobody is no permission to. It goes on asking for as long as it takes, and says what it waits
 * for.
 *
 * Every round asks each address once; rounds come with back-off. Promises are in order here: this
 * is a conversation of a few messages in a server's life.
 */

import type { Clock, Timer } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { Hello, PeerId, Transport } from '../transport/transport.js';
import type { ControlMessage } from '../wire/peer-messages.js';
import type { Peers } from './peers.js';
import type { Refs } from './refs.js';

/** How long one address may take to say who it is, milliseconds. */
const probeMillisMax = 3000;

/** How long a member may take to get us admitted, milliseconds: an election may be under way. */
const admissionMillisMax = 25_000;

/** The pause between rounds, milliseconds: doubled from the first to the second. */
const pauseMillisMin = 200;
const pauseMillisMax = 2000;

/** What is found where a server waits like this one, behind its name. */
const waitsToo = ' is in no cluster yet';

/** The answer of a cluster that took us in. */
export type Joined = Extract<ControlMessage, { type: 'joined' }>;

/** What a joiner works with. */
export interface JoinerDeps {
  readonly transport: Transport;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly log: Log;
  readonly refs: Refs;
  /** Sends a message on a peer's control channel. */
  readonly send: (peer: PeerId, message: ControlMessage) => boolean;
  /** Whether that server, which is in a cluster, may be asked to take us in. */
  readonly mayAsk: (peer: PeerId, hello: Hello) => boolean;
  /** A round is over: what is waited for may have changed. */
  readonly say: () => void;
  /** A cluster took us in. */
  readonly joined: (joined: Joined) => void;
  /** A whole round found no cluster, for the operator who said: found one then. */
  readonly foundNone: () => void;
}

/** A server on its way into a cluster. */
export class Joiner {
  readonly #deps: JoinerDeps;
  readonly #seeds: readonly string[];
  readonly #discovered = new Map<string, PeerId>();
  /** What each address answered last, one line. */
  readonly #findings = new Map<string, string>();
  #stopped = false;
  #pauseMillis = pauseMillisMin;
  #timer: Timer | null = null;
  #running = false;
  #request: {
    readonly ref: number;
    readonly peer: PeerId;
    readonly end: (finding: string | null) => void;
  } | null = null;
  /** Somebody of this round is in a cluster: then nobody founds another, whatever was said. */
  #sawCluster = false;

  /** @param seeds addresses to ask, `host:port`. */
  constructor(seeds: readonly string[], deps: JoinerDeps) {
    this.#seeds = seeds;
    this.#deps = deps;
  }

  start(): void {
    this.#round();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#request?.end('stopped');
  }

  /** mDNS saw a server of our cluster's name. */
  discovered(peer: PeerId, addresses: readonly string[]): void {
    for (const address of addresses) this.#discovered.set(address, peer);
    this.#soon();
  }

  /** A link came up by itself: whoever it is may be in a cluster by now. */
  linkUp(): void {
    this.#soon();
  }

  /** Whoever was asked is gone: the others are asked instead. */
  linkDown(peer: PeerId): void {
    if (this.#request?.peer === peer) this.#request.end('the link broke');
  }

  /** An answer on the control channel. */
  answered(message: ControlMessage): void {
    if (message.type === 'joined' && message.ref === this.#request?.ref) {
      this.#request.end(null);
      this.#stopped = true;
      this.#timer?.cancel();
      this.#deps.joined(message);
    } else if (message.type === 'refused' && message.ref === this.#request?.ref) {
      this.#request.end(message.refusal.message);
    }
  }

  /** One line: what it waits for. */
  waitingFor(): string {
    if (this.#addresses().length === 0) return 'a server of the cluster to be found by mDNS';
    if (this.#findings.size === 0) return `an answer of ${this.#addresses().join(', ')}`;
    return `a cluster to join (${this.findings().join('; ')})`;
  }

  /** What each address answered last, a line each. */
  findings(): readonly string[] {
    return [...this.#findings].map(([address, finding]) => `${address}: ${finding}`);
  }

  /** The same, but for servers that wait like this one. */
  troubles(): readonly string[] {
    return this.findings().filter((finding) => !finding.endsWith(waitsToo));
  }

  #addresses(): readonly string[] {
    return [...new Set([...this.#seeds, ...this.#discovered.keys()])];
  }

  #soon(): void {
    if (this.#running || this.#stopped) return;
    this.#timer?.cancel();
    this.#pauseMillis = pauseMillisMin;
    this.#timer = this.#deps.clock.after(0, () => this.#round());
  }

  #round(): void {
    if (this.#stopped || this.#running) return;
    this.#running = true;
    this.#sawCluster = false;
    this.#askAll().then(
      () => this.#roundEnded(),
      (error: unknown) => {
        this.#deps.log.error({ error: String(error) }, 'joining failed');
        this.#roundEnded();
      },
    );
  }

  #roundEnded(): void {
    this.#running = false;
    if (this.#stopped) return;
    if (!this.#sawCluster) this.#deps.foundNone();
    if (this.#stopped) return;
    this.#deps.say();
    this.#timer = this.#deps.clock.after(this.#pauseMillis, () => this.#round());
    this.#pauseMillis = Math.min(pauseMillisMax, this.#pauseMillis * 2);
  }

  /** All at once, so that a silent address holds nobody up. */
  async #askAll(): Promise<void> {
    await Promise.all(
      this.#addresses().map(async (address) => {
        const finding = await this.#ask(address);
        // Faults of dialling begin with the address already.
        const prefix = `${address}: `;
        const plain = finding.startsWith(prefix) ? finding.slice(prefix.length) : finding;
        this.#findings.set(address, plain);
      }),
    );
  }

  /** Asks one address; what it found, one line. */
  async #ask(address: string): Promise<string> {
    const { transport, clock } = this.#deps;
    const giveUp = new AbortController();
    const timer = clock.after(probeMillisMax, () => giveUp.abort());
    try {
      const { peer, hello } = await transport.probe(address, giveUp.signal);
      if (hello.clusterId === null) return `${hello.name}${waitsToo}`;
      this.#sawCluster = true;
      if (!this.#deps.mayAsk(peer, hello)) return `${hello.name} is in a cluster`;
      if (this.#stopped || this.#request !== null) return `${hello.name} is in the cluster`;
      this.#deps.log.info({ address, server: hello.name }, 'asking to join');
      transport.keep(peer, [address, ...hello.addresses]);
      const finding = await this.#askToJoin(peer);
      if (finding !== null) transport.release(peer);
      return finding ?? 'joined';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      timer.cancel();
    }
  }

  /** Null when it took us in, else why not. */
  #askToJoin(peer: PeerId): Promise<string | null> {
    const { clock, peers, refs, transport } = this.#deps;
    const ref = refs.next();
    return new Promise((resolve) => {
      const timer = clock.after(admissionMillisMax, () => end('gave no answer in time'));
      const end = (finding: string | null): void => {
        timer.cancel();
        this.#request = null;
        resolve(finding);
      };
      this.#request = { ref, peer, end };
      const { incarnation, name } = peers.self;
      const member = { peerId: transport.self, incarnation, name };
      if (!this.#deps.send(peer, { type: 'join', ref, member })) end('the link broke');
    });
  }
}
