/**
 * Dials of addresses behind which nobody is known yet. A probe ends when the greeting is over, one
 * way or the other; the connection then belongs to the link of whoever answered.
 */

import type { Connection, Libp2p } from '@libp2p/interface';
import { QuorateError } from '../base/errors.js';
import { resolveAddresses } from './addresses.js';
import { asDialError } from './dial-fault.js';
import type { PeerConnection } from './peer-connection.js';
import type { Hello, PeerId } from './transport.js';

/** What probes need of the transport. */
export interface ProbesDeps {
  node(): Libp2p | null;
  /** Makes a peer connection; null when the connection is closed already. */
  adopt(connection: Connection, address: string): PeerConnection | null;
}

/** Who answered. */
interface ProbeResult {
  readonly peer: PeerId;
  readonly hello: Hello;
}

interface Waiting {
  resolve(result: ProbeResult): void;
  reject(reason: string): void;
}

/** See the head of the file. */
export class Probes {
  readonly #deps: ProbesDeps;
  readonly #waiting = new Map<PeerConnection, Waiting[]>();

  constructor(deps: ProbesDeps) {
    this.#deps = deps;
  }

  /** Dials `address` and waits for the greeting. Rejects with a QuorateError of one line. */
  async probe(address: string, signal: AbortSignal): Promise<ProbeResult> {
    const fail = (reason: string): QuorateError =>
      new QuorateError('DISCONNECTED', `${address}: ${reason}`);
    if (signal.aborted) throw fail('no answer in time');
    let connection: Connection;
    try {
      const targets = await untilAborted(resolveAddresses([address]), signal);
      const node = this.#deps.node();
      if (node === null) throw new Error('the transport is not started');
      connection = await untilAborted(node.dial(targets, { signal }), signal);
    } catch (error) {
      throw asDialError(address, error);
    }
    return new Promise((resolve, reject) => {
      const peerConnection = this.#deps.adopt(connection, address);
      if (peerConnection === null) {
        reject(fail('the connection closed'));
        return;
      }
      const { remoteHello } = peerConnection;
      if (peerConnection.isUp && remoteHello !== null) {
        resolve({ peer: peerConnection.peer, hello: remoteHello });
        return;
      }
      const abort = (): void => reject(fail('no answer in time'));
      signal.addEventListener('abort', abort, { once: true });
      const waiting = this.#waiting.get(peerConnection) ?? [];
      this.#waiting.set(peerConnection, waiting);
      waiting.push({
        resolve: (result) => {
          signal.removeEventListener('abort', abort);
          resolve(result);
        },
        reject: (reason) => {
          signal.removeEventListener('abort', abort);
          reject(fail(reason));
        },
      });
    });
  }

  /** A connection came up. */
  up(connection: PeerConnection): void {
    const hello = connection.remoteHello;
    if (hello === null) return;
    for (const waiting of this.#take(connection)) {
      waiting.resolve({ peer: connection.peer, hello });
    }
  }

  /** A connection is gone. */
  ended(connection: PeerConnection, reason: string): void {
    for (const waiting of this.#take(connection)) waiting.reject(reason);
  }

  #take(connection: PeerConnection): readonly Waiting[] {
    const waiting = this.#waiting.get(connection) ?? [];
    this.#waiting.delete(connection);
    return waiting;
  }
}

/** Waits no longer than the signal allows; what comes later is dropped. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new QuorateError('TIMEOUT', 'no answer in time'));
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
