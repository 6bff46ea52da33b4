/**
 * The libp2p node of a client program and its streams. It loads of libp2p only what a dial takes:
 * no identify, no ping, no discovery. Whether a server lives is judged by the stream's own silence
 * (client-stream.ts), not by libp2p's monitor, which gives up after a second.
 */

import './node-shim.js';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import type { Clock, Timer } from '../base/clock.js';
import { QuorateError } from '../base/errors.js';
import { resolveAddresses } from './addresses.js';
import type { ClientDialerOptions } from './client-options.js';
import { LibP2pClientStream } from './client-stream.js';
import { corkConnection } from './cork.js';
import { asDialError } from './dial-fault.js';
import { spareLengthErrors } from './length-decoder.js';
import { PrologueGuard } from './prologue-guard.js';
import { quietLogger } from './quiet-logger.js';
import type { ClientStream } from './transport.js';
import { clientProtocol, tickMillis } from './transport-options.js';
import { TurnFlusher } from './turn-flusher.js';
import { yamuxInit } from './yamux-init.js';

/** Makes and starts the node. */
export async function startClientNode(
  options: Required<ClientDialerOptions>,
  clock: Clock,
): Promise<ClientNode> {
  spareLengthErrors();
  // What ends a connection is told to its streams, and so to the client.
  const nobody = (): void => undefined;
  const guard = new PrologueGuard({ told: nobody, stranger: nobody, secret: options.secret });
  const node = await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    transports: [tcp({ outboundSocketInactivityTimeout: 0 })],
    connectionProtector: guard.protector,
    connectionEncrypters: [guard.encrypter(noise())],
    streamMuxers: [guard.muxer(yamux(yamuxInit))],
    connectionMonitor: { enabled: false },
    connectionManager: {
      addressDialTimeout: options.dialAddressMillisMax,
      reconnectRetries: 0,
      resolvers: {},
    },
    logger: quietLogger,
  });
  return new ClientNode(node, options, clock);
}

/** See the head of the file. */
export class ClientNode {
  readonly #node: Libp2p;
  readonly #options: Required<ClientDialerOptions>;
  readonly #clock: Clock;
  readonly #flusher: TurnFlusher;
  readonly #streams = new Map<LibP2pClientStream, Connection>();
  #ticker: Timer | null = null;
  #tickedAtMillis = 0;
  #stopped = false;

  constructor(node: Libp2p, options: Required<ClientDialerOptions>, clock: Clock) {
    this.#node = node;
    this.#options = options;
    this.#clock = clock;
    this.#flusher = new TurnFlusher(clock);
    if (options.cork) {
      node.addEventListener('connection:open', (event) => corkConnection(event.detail));
    }
  }

  /** Opens a stream. Rejects with a QuorateError of one line. */
  async dial(address: string, signal: AbortSignal): Promise<ClientStream> {
    let connection: Connection | null = null;
    try {
      signal.throwIfAborted();
      const targets = await resolveAddresses([address]);
      connection = await this.#node.dial(targets, { signal });
      // In a turn of its own, for the reason given at `#open` in peer-connection.ts.
      await new Promise<void>((resolve) => this.#clock.afterTurn(resolve));
      const stream = await connection.newStream(clientProtocol, { signal });
      if (this.#stopped) throw new QuorateError('STOPPING', 'the client is closed');
      return this.#wrap(connection, stream, address);
    } catch (error) {
      if (connection !== null) this.#closeUnused(connection);
      throw asDialError(address, error);
    }
  }

  /** Closes every stream, after sending what is queued, and the node. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    for (const stream of this.#streams.keys()) stream.close();
    this.#ticker?.cancel();
    await this.#node.stop();
  }

  #wrap(connection: Connection, stream: Stream, address: string): ClientStream {
    const wrapped = new LibP2pClientStream({
      stream,
      remotePeer: connection.remotePeer.toString(),
      remoteAddress: address,
      flusher: this.#flusher,
      queueBytesMax: this.#options.queueBytesMax,
      silenceMillisMax: this.#options.silenceMillisMax,
      ended: (ended) => {
        this.#streams.delete(ended);
        this.#closeUnused(connection);
        if (this.#streams.size === 0) this.#stopTicking();
      },
    });
    this.#streams.set(wrapped, connection);
    if (this.#ticker === null) {
      this.#tickedAtMillis = this.#clock.monotonicMillis();
      this.#armTick();
    }
    return wrapped;
  }

  /** Two dials of one address at once share a connection: the last stream closes it. */
  #closeUnused(connection: Connection): void {
    for (const other of this.#streams.values()) if (other === connection) return;
    connection
      .close({ signal: AbortSignal.timeout(1000) })
      .catch((error: Error) => connection.abort(error));
  }

  #armTick(): void {
    this.#ticker = this.#clock.after(tickMillis, () => {
      const now = this.#clock.monotonicMillis();
      // Longer than that, this process slept, and so has heard nobody.
      const elapsedMillis = Math.min(now - this.#tickedAtMillis, 2 * tickMillis);
      this.#tickedAtMillis = now;
      this.#armTick();
      for (const stream of [...this.#streams.keys()]) stream.tick(elapsedMillis);
    });
  }

  #stopTicking(): void {
    this.#ticker?.cancel();
    this.#ticker = null;
  }
}
