/**
 * The real network of a server, on libp2p: it puts together the node, the gate for what comes in, a
 * link for each peer, the dialler and mDNS, and holds no rule of its own beyond who belongs to
 * whom. Greetings are judged by the owner; peer-connection.ts sees to it that no frame passes
 * before.
 *
 * Invariant: the handlers are called from the event loop, never from within a call of the owner,
 * and not at all once `stop` was called.
 */

import './node-shim.js';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import type { Clock, Timer } from '../base/clock.js';
import { QuorateError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { Rng } from '../base/rng.js';
import { dialableAddresses, fromMultiaddr, resolveAddresses, resolveHost } from './addresses.js';
import { ClientStreams } from './client-streams.js';
import { corkConnection } from './cork.js';
import { dialFault } from './dial-fault.js';
import { Dialler } from './dialler.js';
import { GossipCount } from './gossip-count.js';
import type { GossipTopic } from './gossip-topic.js';
import { InboundGate } from './inbound-gate.js';
import { createServerNode } from './libp2p-node.js';
import { listenFault } from './listen-fault.js';
import type { LocalDiscovery } from './mdns.js';
import { OwnLife } from './own-life.js';
import { PeerConnection, type PeerConnectionEvents } from './peer-connection.js';
import { peerIdOfKey } from './peer-key.js';
import { PeerLinks } from './peer-links.js';
import { Probes } from './probes.js';
import type {
  Channel,
  GossipSent,
  Hello,
  PeerId,
  Transport,
  TransportHandlers,
} from './transport.js';
import {
  type CompleteOptions,
  channelProtocols,
  clientProtocol,
  clientStreamsPerConnectionMax,
  completeOptions,
  type TransportOptions,
  tickMillis,
} from './transport-options.js';
import { TurnFlusher } from './turn-flusher.js';

const channels: readonly Channel[] = ['consensus', 'forward', 'control', 'gossip'];

/** What the transport needs of the world beside the network. */
export interface TransportDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Seed of the jitter between dials. */
  readonly seed: number;
  /** Random, of this process alone, 16 hexadecimal digits: by it others know that two greet with
   * one key. @default not told */
  readonly life?: string;
}

/**
 * Makes the network of a server; nothing is opened before `start`.
 * @throws QuorateError DAMAGED when the private key is none.
 */
export function createTransport(options: TransportOptions, deps: TransportDeps): Transport {
  return new LibP2pTransport(completeOptions(options), deps);
}

class LibP2pTransport implements Transport {
  readonly self: PeerId;
  readonly #options: CompleteOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #flusher: TurnFlusher;
  readonly #gate: InboundGate;
  readonly #dialler: Dialler;
  readonly #probes: Probes;
  readonly #links: PeerLinks;
  /** Peer connections by libp2p connection. */
  readonly #connections = new Map<Connection, PeerConnection>();
  readonly #clients: ClientStreams;
  readonly #life: OwnLife;
  #handlers: TransportHandlers | null = null;
  #node: Libp2p | null = null;
  #discovery: LocalDiscovery | null = null;
  #gossip: GossipTopic | null = null;
  readonly #gossipCount = new GossipCount();
  #addresses: readonly string[] = [];
  #ticker: Timer | null = null;
  #tickedAtMillis = 0;
  #stopping = false;

  constructor(options: CompleteOptions, deps: TransportDeps) {
    this.self = peerIdOfKey(options.privateKey);
    this.#options = options;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#flusher = new TurnFlusher(deps.clock);
    this.#dialler = new Dialler({
      clock: deps.clock,
      rng: new Rng(deps.seed),
      self: this.self,
      redialMillisMin: options.redialMillisMin,
      redialMillisMax: options.redialMillisMax,
      isConnected: (peer) => (this.#links.find(peer)?.connections.length ?? 0) > 0,
      dial: (peer, addresses) => this.#dial(peer, addresses),
      failed: (peer, reason, nextMillis) =>
        this.#log.debug({ peer, reason, nextMillis }, 'dial failed'),
    });
    this.#gate = new InboundGate(options, deps.log, this.#dialler);
    this.#probes = new Probes({
      node: () => this.#node,
      adopt: (connection, address) => this.#adopt(connection, address),
    });
    this.#life = new OwnLife(deps.life ?? null);
    this.#links = new PeerLinks({
      self: this.self,
      log: deps.log,
      unkeptMillisMax: options.unkeptMillisMax,
      linkUp: (peer) => this.#handlers?.linkUp(peer),
      linkDown: (peer) => this.#handlers?.linkDown(peer),
      // libp2p remembers everybody who ever connected.
      forgotten: (peer) => this.#node?.peerStore.delete(peerIdFromString(peer)).catch(() => null),
    });
    this.#clients = new ClientStreams({
      options,
      flusher: this.#flusher,
      log: deps.log,
      accepts: () => this.#handlers?.client.bind(this.#handlers) ?? null,
      used: (connection) => this.#gate.used(connection),
      ended: (connection) => {
        if (!this.#connections.has(connection)) this.#gate.unused(connection);
      },
    });
  }

  async start(handlers: TransportHandlers): Promise<void> {
    if (this.#node !== null) throw new QuorateError('BAD_REQUEST', 'the transport is started');
    this.#handlers = handlers;
    const { host, port } = this.#options;
    const numericHost = (await resolveHost(host))[0] as string;
    const node = await createServerNode(this.#options, numericHost, this.#gate, this.#log);
    this.#node = node;
    node.addEventListener('connection:open', (event) => this.#onOpen(event.detail));
    node.addEventListener('connection:close', (event) => this.#onClose(event.detail));
    for (const channel of channels) {
      const accept = (stream: Stream, connection: Connection): void =>
        this.#onPeerStream(channel, stream, connection);
      await node.handle(channelProtocols[channel], accept, { maxInboundStreams: 1 });
    }
    const acceptClient = (stream: Stream, connection: Connection): void =>
      this.#clients.accept(stream, connection);
    const clientLimits = { maxInboundStreams: clientStreamsPerConnectionMax };
    await node.handle(clientProtocol, acceptClient, clientLimits);
    this.#gossip = await this.#startGossip(node);
    try {
      await node.start();
    } catch (error) {
      this.#node = null;
      await this.#gossip.stop();
      throw listenFault(error, host, port);
    }
    const listening = node.getMultiaddrs().map(fromMultiaddr)[0] ?? '';
    const actualPort = Number(listening.slice(listening.lastIndexOf(':') + 1));
    this.#addresses = dialableAddresses(numericHost, actualPort);
    this.#tickedAtMillis = this.#clock.monotonicMillis();
    this.#armTick();
    if (this.#options.mdns) await this.#startDiscovery(node, numericHost);
  }

  addresses(): readonly string[] {
    return this.#addresses;
  }

  keep(peer: PeerId, addresses: readonly string[]): void {
    if (peer === this.self || this.#stopping) return;
    this.#links.of(peer).setKeeps(true);
    this.#dialler.keep(peer, addresses);
  }

  release(peer: PeerId): void {
    this.#dialler.release(peer);
    this.#links.find(peer)?.setKeeps(false);
    this.#links.tidy(peer);
  }

  probe(address: string, signal: AbortSignal): Promise<{ peer: PeerId; hello: Hello }> {
    return this.#probes.probe(address, signal);
  }

  isLinked(peer: PeerId): boolean {
    return (this.#links.find(peer)?.current ?? null) !== null;
  }

  send(peer: PeerId, channel: Channel, frames: readonly Uint8Array[]): boolean {
    const isTaken = this.#links.find(peer)?.send(channel, frames) ?? false;
    if (isTaken && channel === 'gossip') this.#gossipCount.add(frames);
    return isTaken;
  }

  publish(bytes: Uint8Array): void {
    if (!this.#stopping) this.#gossip?.publish(bytes);
  }

  gossipSent(): GossipSent {
    return this.#gossipCount.sent;
  }

  greetAgain(): void {
    for (const connection of this.#connections.values()) connection.greetAgain();
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#handlers = null;
    this.#ticker?.cancel();
    this.#dialler.stop();
    const node = this.#node;
    if (node === null) return;
    await this.#discovery?.stop();
    await this.#drain();
    this.#clients.close();
    await Promise.all(
      node.getConnections().map((connection) => {
        // One each: of a signal with more than ten listeners Node warns on the terminal.
        const signal = AbortSignal.timeout(this.#options.stopMillisMax);
        return connection.close({ signal }).catch((error: Error) => connection.abort(error));
      }),
    );
    await node.stop();
    await this.#gossip?.stop();
  }

  /** Waits until every queue is empty, at most `stopMillisMax`. */
  #drain(): Promise<void> {
    const deadline = this.#clock.monotonicMillis() + this.#options.stopMillisMax;
    return new Promise((resolve) => {
      const look = (): void => {
        const idle =
          this.#clients.isIdle &&
          [...this.#connections.values()].every((connection) => connection.isIdle);
        if (idle || this.#clock.monotonicMillis() >= deadline) resolve();
        else this.#clock.after(5, look);
      };
      // What was sent in this turn leaves first.
      this.#clock.afterTurn(look);
    });
  }

  async #dial(peer: PeerId, addresses: readonly string[]): Promise<void> {
    const signal = AbortSignal.timeout(this.#options.dialMillisMax);
    try {
      const targets = await resolveAddresses(addresses);
      const node = this.#node;
      if (node === null || this.#stopping) return;
      const connection = await node.dial(
        targets.map((target) => target.encapsulate(`/p2p/${peer}`)),
        { signal },
      );
      this.#adopt(connection, fromMultiaddr(connection.remoteAddr) ?? '');
    } catch (error) {
      throw error instanceof QuorateError ? error : new Error(dialFault(error));
    }
  }

  /** Makes a peer connection of a libp2p connection, once. */
  #adopt(connection: Connection, remoteAddress: string): PeerConnection | null {
    const known = this.#connections.get(connection);
    if (known !== undefined) return known;
    if (this.#stopping || connection.status !== 'open') return null;
    this.#gate.used(connection);
    // Not by who asks: a dial may be answered with a connection that the other side has just
    // opened.
    const dialledByUs = connection.direction === 'outbound';
    const origin = { dialledByUs, remoteAddress };
    const peer = connection.remotePeer.toString();
    const deps = {
      clock: this.#clock,
      options: this.#options,
      flusher: this.#flusher,
      events: this.#events(connection),
    };
    const made = new PeerConnection(connection, origin, deps);
    this.#connections.set(connection, made);
    this.#links.of(peer).add(made);
    this.#log.debug({ peer, remoteAddress, dialledByUs }, 'connection opened');
    return made;
  }

  #events(libp2pConnection: Connection): PeerConnectionEvents {
    return {
      hello: () => this.#life.greeting((this.#handlers as TransportHandlers).hello()),
      arrived: (connection) => this.#links.of(connection.peer).clones.arrived(connection),
      greeted: (connection, hello) => {
        if (this.#handlers === null) return 'the server is stopping';
        const { remoteAddress } = connection.origin;
        return this.#handlers.greeted(connection.peer, hello, remoteAddress);
      },
      up: (connection) => {
        if (this.#life.linked()) this.#tellHeard();
        this.#dialler.linked(connection.peer);
        this.#links.of(connection.peer).up(connection);
        this.#probes.up(connection);
        this.#gossip?.opened(libp2pConnection);
      },
      refused: (connection, reason) => {
        const { dialledByUs, remoteAddress } = connection.origin;
        const address = dialledByUs ? remoteAddress : null;
        this.#handlers?.refused(connection.peer, address, reason);
      },
      answered: (connection, question) =>
        this.#links.of(connection.peer).clones.answered(connection, question),
      cloned: (connection, notice) => this.#handlers?.cloned(connection.peer, notice),
      frames: (connection, channel, frames) =>
        this.#handlers?.frames(connection.peer, channel, frames),
      changed: (connection) => this.#links.of(connection.peer).choose(),
      ended: (connection, reason) => this.#onEnded(libp2pConnection, connection, reason),
    };
  }

  /** Whoever is judging a greeting of ours must know: of two processes this one can no longer be
   * told for sure to have promised nothing. */
  #tellHeard(): void {
    for (const connection of this.#connections.values()) {
      if (!connection.isUp) connection.greetAgain();
    }
  }

  #onEnded(libp2pConnection: Connection, connection: PeerConnection, reason: string): void {
    const { peer } = connection;
    this.#connections.delete(libp2pConnection);
    this.#gossip?.ended(libp2pConnection);
    this.#log.debug({ peer, reason, dropped: connection.dropped }, 'connection ended');
    this.#probes.ended(connection, reason);
    this.#links.find(peer)?.remove(connection);
    this.#links.tidy(peer);
    this.#dialler.lost(peer);
  }

  #onOpen(connection: Connection): void {
    this.#gate.opened(connection);
    if (this.#options.cork) corkConnection(connection);
  }

  #onClose(connection: Connection): void {
    this.#gate.closed(connection);
    const node = this.#node;
    const peer = connection.remotePeer;
    if (node === null || this.#links.find(peer.toString()) !== undefined) return;
    // As of links that are forgotten: clients have a new key each time.
    node.peerStore.delete(peer).catch(() => undefined);
  }

  #onPeerStream(channel: Channel, stream: Stream, connection: Connection): void {
    const remoteAddress = fromMultiaddr(connection.remoteAddr) ?? '';
    const adopted =
      channel === 'control'
        ? this.#adopt(connection, remoteAddress)
        : this.#connections.get(connection);
    if (adopted == null) stream.abort(new Error('no greeting was said on this connection'));
    else adopted.accept(channel, stream);
  }

  async #startGossip(node: Libp2p): Promise<GossipTopic> {
    // Loaded here only: client programs need none of it.
    const { startGossipTopic } = await import('./gossip-topic.js');
    return startGossipTopic(node, {
      options: this.#options,
      isUp: (connection) => this.#connections.get(connection)?.isUp ?? null,
      published: (bytes) => this.#handlers?.published(bytes),
      clock: this.#clock,
      count: this.#gossipCount,
    });
  }

  async #startDiscovery(node: Libp2p, numericHost: string): Promise<void> {
    // Loaded here only: a server without mDNS never opens its socket, nor reads its code.
    const { startDiscovery } = await import('./mdns.js');
    this.#discovery = await startDiscovery({
      options: this.#options,
      clock: this.#clock,
      log: this.#log,
      self: this.self,
      host: numericHost,
      multiaddrs: () => node.getMultiaddrs(),
      discovered: (peer, addresses) => this.#handlers?.discovered(peer, addresses),
    });
  }

  #armTick(): void {
    this.#ticker = this.#clock.after(tickMillis, () => {
      const now = this.#clock.monotonicMillis();
      // Longer than that, this process slept, and so has heard nobody.
      const elapsedMillis = Math.min(now - this.#tickedAtMillis, 2 * tickMillis);
      this.#tickedAtMillis = now;
      this.#links.tick(elapsedMillis);
      this.#clients.tick(elapsedMillis);
      this.#gate.tick(elapsedMillis);
      this.#gossip?.tick(elapsedMillis);
      this.#armTick();
    });
  }
}
