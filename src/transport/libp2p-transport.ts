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
import { LibP2pClientStream } from './client-stream.js';
import { corkConnection } from './cork.js';
import { dialFault } from './dial-fault.js';
import { Dialler } from './dialler.js';
import type { GossipTopic } from './gossip-topic.js';
import { InboundGate } from './inbound-gate.js';
import { createServerNode } from './libp2p-node.js';
import { listenFault } from './listen-fault.js';
import type { LocalDiscovery } from './mdns.js';
import { PeerConnection, type PeerConnectionEvents } from './peer-connection.js';
import { peerIdOfKey } from './peer-key.js';
import { PeerLink } from './peer-link.js';
import { Probes } from './probes.js';
import type { Channel, Hello, PeerId, Transport, TransportHandlers } from './transport.js';
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
  readonly #links = new Map<PeerId, PeerLink>();
  /** Peer connections by libp2p connection. */
  readonly #connections = new Map<Connection, PeerConnection>();
  readonly #clients = new Set<LibP2pClientStream>();
  #handlers: TransportHandlers | null = null;
  #node: Libp2p | null = null;
  #discovery: LocalDiscovery | null = null;
  #gossip: GossipTopic | null = null;
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
      isConnected: (peer) => (this.#links.get(peer)?.connections.length ?? 0) > 0,
      dial: (peer, addresses) => this.#dial(peer, addresses),
      failed: (peer, reason, nextMillis) =>
        this.#log.debug({ peer, reason, nextMillis }, 'dial failed'),
    });
    this.#gate = new InboundGate(options, deps.log, this.#dialler);
    this.#probes = new Probes({
      node: () => this.#node,
      adopt: (connection, address) => this.#adopt(connection, address),
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
      this.#onClientStream(stream, connection);
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
    this.#link(peer).setKeeps(true);
    this.#dialler.keep(peer, addresses);
  }

  release(peer: PeerId): void {
    this.#dialler.release(peer);
    const link = this.#links.get(peer);
    link?.setKeeps(false);
    if (link?.isForgettable === true) this.#forget(peer);
  }

  probe(address: string, signal: AbortSignal): Promise<{ peer: PeerId; hello: Hello }> {
    return this.#probes.probe(address, signal);
  }

  isLinked(peer: PeerId): boolean {
    return (this.#links.get(peer)?.current ?? null) !== null;
  }

  send(peer: PeerId, channel: Channel, frames: readonly Uint8Array[]): boolean {
    return this.#links.get(peer)?.send(channel, frames) ?? false;
  }

  publish(bytes: Uint8Array): void {
    if (!this.#stopping) this.#gossip?.publish(bytes);
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
    for (const client of this.#clients) client.close();
    const signal = AbortSignal.timeout(this.#options.stopMillisMax);
    await Promise.all(
      node
        .getConnections()
        .map((connection) =>
          connection.close({ signal }).catch((error: Error) => connection.abort(error)),
        ),
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
          [...this.#connections.values()].every((connection) => connection.isIdle) &&
          [...this.#clients].every((client) => client.isIdle);
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
    const { peer, link } = this.#linkOf(connection);
    const deps = {
      clock: this.#clock,
      options: this.#options,
      flusher: this.#flusher,
      events: this.#events(connection),
    };
    const made = new PeerConnection(connection, origin, deps);
    this.#connections.set(connection, made);
    link.add(made);
    this.#log.debug({ peer, remoteAddress, dialledByUs }, 'connection opened');
    return made;
  }

  #events(libp2pConnection: Connection): PeerConnectionEvents {
    return {
      hello: () => (this.#handlers as TransportHandlers).hello(),
      greeted: (connection, hello) => {
        if (this.#handlers === null) return 'the server is stopping';
        const { remoteAddress } = connection.origin;
        return this.#handlers.greeted(connection.peer, hello, remoteAddress);
      },
      up: (connection) => {
        this.#dialler.linked(connection.peer);
        this.#link(connection.peer).up(connection);
        this.#probes.up(connection);
        this.#gossip?.opened(libp2pConnection);
      },
      refused: (connection, reason) => {
        const { dialledByUs, remoteAddress } = connection.origin;
        const address = dialledByUs ? remoteAddress : null;
        this.#handlers?.refused(connection.peer, address, reason);
      },
      frames: (connection, channel, frames) =>
        this.#handlers?.frames(connection.peer, channel, frames),
      changed: (connection) => this.#link(connection.peer).choose(),
      ended: (connection, reason) => this.#onEnded(libp2pConnection, connection, reason),
    };
  }

  #onEnded(libp2pConnection: Connection, connection: PeerConnection, reason: string): void {
    const { peer } = connection;
    this.#connections.delete(libp2pConnection);
    this.#gossip?.ended(libp2pConnection);
    this.#log.debug({ peer, reason, dropped: connection.dropped }, 'connection ended');
    this.#probes.ended(connection, reason);
    const link = this.#links.get(peer);
    link?.remove(connection);
    if (link?.isForgettable === true) this.#forget(peer);
    this.#dialler.lost(peer);
  }

  #linkOf(connection: Connection): { peer: PeerId; link: PeerLink } {
    const peer = connection.remotePeer.toString();
    return { peer, link: this.#link(peer) };
  }

  #link(peer: PeerId): PeerLink {
    const known = this.#links.get(peer);
    if (known !== undefined) return known;
    const link = new PeerLink(peer, this.self, this.#options.unkeptMillisMax, {
      linkUp: (up) => this.#handlers?.linkUp(up),
      linkDown: (down) => this.#handlers?.linkDown(down),
    });
    this.#links.set(peer, link);
    return link;
  }

  #forget(peer: PeerId): void {
    this.#links.delete(peer);
    // libp2p remembers everybody who ever connected.
    this.#node?.peerStore.delete(peerIdFromString(peer)).catch(() => undefined);
  }

  #onOpen(connection: Connection): void {
    this.#gate.opened(connection);
    if (this.#options.cork) corkConnection(connection);
  }

  #onClose(connection: Connection): void {
    this.#gate.closed(connection);
    const node = this.#node;
    const peer = connection.remotePeer;
    if (node === null || this.#links.has(peer.toString())) return;
    // As in `#forget`: clients have a new key each time.
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

  #onClientStream(stream: Stream, connection: Connection): void {
    if (this.#handlers === null || this.#clients.size >= this.#options.clientStreamsMax) {
      this.#log.warn({ streams: this.#clients.size }, 'client refused: too many client streams');
      stream.abort(new Error('too many client streams'));
      return;
    }
    this.#gate.used(connection);
    const client = new LibP2pClientStream({
      stream,
      remotePeer: connection.remotePeer.toString(),
      remoteAddress: fromMultiaddr(connection.remoteAddr) ?? '',
      flusher: this.#flusher,
      queueBytesMax: this.#options.clientQueueBytesMax,
      silenceMillisMax: this.#options.clientSilenceMillisMax,
      ended: (ended) => {
        this.#clients.delete(ended);
        if (!this.#connections.has(connection)) this.#gate.unused(connection);
      },
    });
    this.#clients.add(client);
    this.#handlers.client(client);
  }

  async #startGossip(node: Libp2p): Promise<GossipTopic> {
    // Loaded here only: client programs need none of it.
    const { startGossipTopic } = await import('./gossip-topic.js');
    return startGossipTopic(node, {
      options: this.#options,
      isUp: (connection) => this.#connections.get(connection)?.isUp ?? null,
      published: (bytes) => this.#handlers?.published(bytes),
      clock: this.#clock,
    });
  }

  async #startDiscovery(node: Libp2p, numericHost: string): Promise<void> {
    // Loaded here only: a server without mDNS never opens its socket, nor reads its code.
    const { startDiscovery } = await import('./mdns.js');
    this.#discovery = await startDiscovery({
      options: this.#options,
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
      for (const link of [...this.#links.values()]) link.tick(elapsedMillis);
      for (const client of [...this.#clients]) client.tick(elapsedMillis);
      this.#gate.tick(elapsedMillis);
      this.#gossip?.tick(elapsedMillis);
      this.#armTick();
    });
  }
}
