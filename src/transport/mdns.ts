/**
 * Looks for servers of the same cluster name on the local network. What it finds are addresses to
 * try: who is a member is decided elsewhere, by keys and the log. The service tag carries a hash of
 * the cluster name, so clusters on one network do not meet.
 *
 * It reports a peer when it is new, when its addresses changed, and otherwise at most every
 * `repeatMillis`, for at most `peersMax` peers: a flood of false announcements costs little.
 * docs/libp2p.md, trap 14: without a route for multicast nothing is ever found, so that is tried
 * and said.
 */

import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { PeerInfo } from '@libp2p/interface';
import { mdns } from '@libp2p/mdns';
import type { Multiaddr } from '@multiformats/multiaddr';
import type { Clock, Timer } from '../base/clock.js';
import type { Log } from '../base/log.js';
import { parseAddress } from '../wire/addresses.js';
import { fromMultiaddr, isLoopback } from './addresses.js';
import { quietLogger } from './quiet-logger.js';
import type { PeerId } from './transport.js';
import type { CompleteOptions } from './transport-options.js';

/** The package asks at the start and then at its interval, ten seconds by default. A datagram is
 * easily lost, so it is asked again so long after the start, milliseconds. */
const againMillis: readonly number[] = [1000, 3000];

/** A peer with the same addresses is reported again after this, milliseconds. */
const repeatMillis = 5000;

/** Peers remembered, so that a flood of false ones has a bound. */
const peersMax = 1024;

/** Addresses taken of one announcement. */
const addressesMax = 16;

/** The multicast group of mDNS (RFC 6762). */
const group = '224.0.0.251';

/** What discovery needs of the transport. */
export interface LocalDiscoveryInit {
  readonly options: CompleteOptions;
  readonly clock: Clock;
  readonly log: Log;
  readonly self: PeerId;
  /** The numeric address the server listens on. */
  readonly host: string;
  /** Where the server can be dialled, asked at every answer. */
  multiaddrs(): Multiaddr[];
  discovered(peer: PeerId, addresses: readonly string[]): void;
}

/** A running discovery. */
export interface LocalDiscovery {
  stop(): Promise<void>;
}

/** The service tag of a cluster name. */
export function serviceTag(clusterName: string): string {
  const hash = createHash('sha256').update(clusterName).digest('hex').slice(0, 16);
  return `_quorate-${hash}._udp.local`;
}

/** Starts to ask and to answer. Never rejects: without multicast it warns once and finds
 * nothing. */
export async function startDiscovery(init: LocalDiscoveryInit): Promise<LocalDiscovery> {
  const { options, log } = init;
  await warnWithoutMulticast(log);
  const components = {
    addressManager: { getAddresses: init.multiaddrs },
    logger: quietLogger,
  } as unknown as Parameters<ReturnType<typeof mdns>>[0];
  const tag = serviceTag(options.clusterName);
  const service = mdns({
    serviceTag: tag,
    interval: options.mdnsIntervalMillis,
    port: options.mdnsPort,
  })(components);
  const seen = new Sightings(init);
  service.addEventListener('peer', (event) => seen.saw(event.detail));
  const running = service as unknown as RunningService;
  await running.start();
  const again = askAgain(init.clock, () => {
    running.mdns?.query({ questions: [{ name: tag, type: 'PTR' }] });
  });
  return {
    stop: () => {
      again.cancel();
      return running.stop();
    },
  };
}

/** The package's service as it is behind its interface. */
interface RunningService {
  /** The socket, while it runs. */
  readonly mdns?: {
    query(packet: { questions: readonly { readonly name: string; readonly type: 'PTR' }[] }): void;
  };
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Asks a few times more soon after the start; cancelling ends it. */
export function askAgain(clock: Clock, ask: () => void): Timer {
  const timers = againMillis.map((millis) => clock.after(millis, ask));
  return {
    cancel: () => {
      for (const timer of timers) timer.cancel();
    },
  };
}

/** What was announced, and when it was told. */
class Sightings {
  readonly #init: LocalDiscoveryInit;
  readonly #told = new Map<PeerId, { addresses: string; atMillis: number }>();

  constructor(init: LocalDiscoveryInit) {
    this.#init = init;
  }

  saw(info: PeerInfo): void {
    const peer = info.id.toString();
    if (peer === this.#init.self) return;
    const addresses = usableAddresses(
      info.multiaddrs.slice(0, addressesMax).flatMap((address) => fromMultiaddr(address) ?? []),
      isLoopback(this.#init.host),
    );
    if (addresses.length === 0) return;
    const joined = addresses.join(' ');
    const atMillis = performance.now();
    const before = this.#told.get(peer);
    if (before?.addresses === joined && atMillis - before.atMillis < repeatMillis) return;
    this.#told.delete(peer);
    this.#told.set(peer, { addresses: joined, atMillis });
    if (this.#told.size > peersMax) {
      const oldest = this.#told.keys().next();
      if (oldest.done !== true) this.#told.delete(oldest.value);
    }
    this.#init.discovered(peer, addresses);
  }
}

/**
 * Leaves out what cannot lead to the announcer: loopback addresses, unless it runs on this very
 * machine or we listen on loopback ourselves. The rest keeps its order, loopback last.
 */
export function usableAddresses(
  addresses: readonly string[],
  weListenOnLoopback: boolean,
): readonly string[] {
  const hostOf = (address: string): string => {
    const parsed = parseAddress(address);
    return parsed.ok ? parsed.address.host : '';
  };
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((entries) =>
      (entries ?? []).filter((entry) => !entry.internal).map((entry) => entry.address),
    ),
  );
  const unique = [...new Set(addresses)];
  const outside = unique.filter((address) => !isLoopback(hostOf(address)));
  const isHere = outside.some((address) => own.has(hostOf(address)));
  if (!weListenOnLoopback && !isHere) return outside;
  return [...outside, ...unique.filter((address) => isLoopback(hostOf(address)))];
}

/** Sends one empty datagram that no router passes on, and says so when the system has no way. */
function warnWithoutMulticast(log: Log): Promise<void> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    const done = (error: Error | null): void => {
      if (error !== null) {
        const { code } = error as NodeJS.ErrnoException;
        log.warn(
          { code: code ?? error.message },
          'mDNS finds nobody: this host has no route for multicast (224.0.0.0/4); add one, ' +
            'or give PEERS',
        );
      }
      socket.close();
      resolve();
    };
    socket.once('error', done);
    // Port 9 discards; a lifetime of 0 keeps the datagram on this machine.
    socket.bind(0, () => {
      socket.setMulticastTTL(0);
      socket.send(new Uint8Array(0), 9, group, done);
    });
  });
}
