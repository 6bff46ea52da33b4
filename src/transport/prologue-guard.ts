/**
 * Watches the first bytes of every connection and stream, until both ends have agreed on a
 * protocol, and ends those that cannot be an agreement before libp2p reads them. libp2p looks for
 * the end of a length prefix byte by byte, each at the price of an exception and a promise, and
 * sets no bound: measured, 70 KB of 0xff, from a stranger without a key, cost a leader its office.
 *
 * Protocols are agreed on in three places: on the raw connection (encryption), on the encrypted one
 * (multiplexing, unless the handshake said it already) and on each stream; both ends of each can be
 * hostile. A guard stands at the `append` of the buffer that each stream keeps arrivals in: no
 * listener is added, for libp2p counts them, and the streams keep their shape (own properties on
 * them, though taken away again, cost each later message 0.5 us). It is gone after the agreement.
 *
 * Invariant: a guard goes only where libp2p's own reading ends too: after a text that is exactly an
 * accepted protocol and a line end. Source: multistream-select 1.0.0.
 */

import type {
  ConnectionEncrypter,
  ConnectionProtector,
  MessageStream,
  SecuredConnection,
  Stream,
  StreamMuxer,
  StreamMuxerFactory,
  Upgrader,
} from '@libp2p/interface';
import type { Uint8ArrayList } from 'uint8arraylist';
import { secretFaults } from './dial-fault.js';
import { nonceBytes } from './keystream.js';
import { boundMuxer, streamCounter } from './muxer-bounds.js';
import type { NetworkSecret } from './network-secret.js';
import { admit, enter, StrangerError } from './private-network.js';
import { opensAgreement, PrologueReader } from './prologue-reader.js';
import { holdWindowUpdates } from './window-updates.js';

/** Told of an end after the key was proved; before, the gate and the dial tell it. */
type Told = (peer: string, reason: string) => void;

/** What the guard asks of libp2p's parts. */
interface UpgraderComponent {
  readonly upgrader: Upgrader;
}

interface RegistrarComponent {
  readonly registrar: { getProtocols(): string[] };
}

/** What a guard is made with. */
interface GuardInit {
  readonly told: Told;
  /** Told of a dialler that lacks the secret. */
  readonly stranger: (connection: MessageStream, reason: string) => void;
  /** Null: whoever dials is heard. */
  readonly secret: NetworkSecret | null;
}

/** Guards one node; its methods are for the options of `createLibp2p`. */
export class PrologueGuard {
  readonly #told: Told;
  readonly #stranger: GuardInit['stranger'];
  readonly #secret: NetworkSecret | null;
  readonly #peers = new WeakMap<MessageStream, string>();

  constructor({ told, stranger, secret }: GuardInit) {
    this.#told = told;
    this.#stranger = stranger;
    this.#secret = secret;
  }

  /** Sees every raw connection first, in both directions; closes it, if there is a secret. */
  readonly protector = (components: UpgraderComponent): ConnectionProtector => ({
    protect: async (connection, options) => {
      await this.#close(connection, options?.signal);
      const accepted = [...components.upgrader.getConnectionEncrypters().keys()];
      const violated = (fault: Error): void => connection.abort(fault);
      guard(connection, accepted, violated);
      if (this.#secret === null && connection.direction === 'outbound') {
        expectAnswer(connection, violated);
      }
      return connection;
    },
  });

  /** To all who lack the secret. */
  async #close(connection: MessageStream, signal: AbortSignal | undefined): Promise<void> {
    if (this.#secret === null) return;
    if (connection.direction === 'outbound') return enter(connection, this.#secret);
    try {
      await admit(connection, this.#secret, signal);
    } catch (error) {
      if (error instanceof StrangerError) this.#stranger(connection, error.message);
      throw error;
    }
  }

  /** Guards the encrypted connections that are to agree on a multiplexer. */
  encrypter<C extends UpgraderComponent, E>(
    make: (components: C) => ConnectionEncrypter<E>,
  ): (components: C) => ConnectionEncrypter<E> {
    return (components) => {
      const encrypter = make(components);
      const { secureInbound, secureOutbound } = encrypter;
      const watch = (secured: SecuredConnection<E>): SecuredConnection<E> => {
        this.#peers.set(secured.connection, secured.remotePeer.toString());
        if (secured.streamMuxer === undefined) {
          const accepted = [...components.upgrader.getStreamMuxers().keys()];
          const { connection } = secured;
          guard(connection, accepted, (fault) => {
            connection.abort(fault);
            this.#tell(connection, fault);
          });
        }
        return secured;
      };
      encrypter.secureInbound = async (connection, options) =>
        watch(await secureInbound.call(encrypter, connection, options));
      encrypter.secureOutbound = async (connection, options) =>
        watch(await secureOutbound.call(encrypter, connection, options));
      return encrypter;
    };
  }

  /** Guards every stream. */
  muxer<C>(
    make: (components: C) => StreamMuxerFactory,
  ): (components: C & RegistrarComponent) => StreamMuxerFactory {
    return (components) => {
      const factory = make(components);
      const createStreamMuxer = factory.createStreamMuxer.bind(factory);
      factory.createStreamMuxer = (connection) => {
        const muxer = createStreamMuxer(connection);
        const violated = (fault: Error): void => this.#end(connection, muxer, fault);
        guardInbound(muxer, () => components.registrar.getProtocols(), violated);
        guardOutbound(muxer, violated);
        boundMuxer(muxer, connection, violated);
        return muxer;
      };
      return factory;
    };
  }

  /** Ends a whole connection: one who breaks the rules on one stream will on the next. */
  #end(connection: MessageStream, muxer: StreamMuxer, fault: Error): void {
    // Ending the streams may pass another bound, and lead here again.
    if (muxer.status !== 'open' || connection.status !== 'open') return;
    // First the muxer, so that whoever waits for a stream learns why.
    muxer.abort(fault);
    connection.abort(fault);
    this.#tell(connection, fault);
  }

  #tell(connection: MessageStream, fault: Error): void {
    this.#told(this.#peers.get(connection) ?? 'unknown', fault.message);
  }
}

/** Streams that the other side opens are seen before libp2p's own listener sees them. */
function guardInbound(
  muxer: StreamMuxer,
  accepted: () => readonly string[],
  violated: (fault: Error) => void,
): void {
  const count = streamCounter(violated);
  const dispatch = muxer.dispatchEvent;
  muxer.dispatchEvent = (event) => {
    if (event.type === 'stream') {
      const stream = (event as CustomEvent<Stream>).detail;
      count(stream);
      guard(stream, accepted(), violated);
      holdWindowUpdates(stream);
    }
    return dispatch.call(muxer, event);
  };
}

/** Nothing arrives on a stream of ours in the turn in which it is made. */
function guardOutbound(muxer: StreamMuxer, violated: (fault: Error) => void): void {
  const createStream = muxer.createStream;
  muxer.createStream = async (options) => {
    const stream = await createStream.call(muxer, options);
    // This folder asks for one protocol at a time; libp2p names it then.
    if (options?.protocol !== undefined) guard(stream, [options.protocol], violated);
    holdWindowUpdates(stream);
    return stream;
  };
}

/** What every stream of @libp2p/utils 7.4 keeps what arrived in, until it is told. */
interface Inside {
  readonly readBuffer: Pick<Uint8ArrayList, 'append' | 'byteLength' | 'subarray'>;
}

/**
 * A closed cluster says a nonce to whoever dials it, and nothing else: what looks like one is told
 * as that, so that the user learns what is missing.
 */
function expectAnswer(connection: MessageStream, violated: (fault: Error) => void): void {
  const buffer = (connection as unknown as Inside).readBuffer;
  const append = buffer.append;
  buffer.append = (...parts) => {
    // The guard's own again.
    buffer.append = append;
    const [data] = parts;
    const first = data instanceof Uint8Array ? data : data?.subarray();
    if (first?.length === nonceBytes && !opensAgreement(first) && !isText(first)) {
      violated(new Error(secretFaults.wanted));
      return;
    }
    append.apply(buffer, parts);
  };
}

/** As web servers and other services of people greet. */
function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13));
}

function guard(
  stream: MessageStream,
  accepted: readonly string[],
  violated: (fault: Error) => void,
): void {
  const reader = new PrologueReader(accepted);
  const buffer = (stream as unknown as Inside).readBuffer;
  const append = buffer.append;
  /** False: it is not to be kept. */
  const admits = (data: Uint8Array | Uint8ArrayList): boolean => {
    // A stream that is ended takes nothing more.
    if (reader.fault !== null) return false;
    const agreed = reader.read(data instanceof Uint8Array ? data : data.subarray());
    if (reader.fault !== null) {
      violated(new Error(reader.fault));
      return false;
    }
    // What was added last is taken away again: the object is as fast as before.
    if (agreed) Reflect.deleteProperty(buffer, 'append');
    return true;
  };
  buffer.append = (...parts) => {
    for (const data of parts) {
      if (Object.hasOwn(buffer, 'append') && !admits(data)) return;
      append.call(buffer, data);
    }
  };
  if (buffer.byteLength > 0) admits(buffer.subarray());
}
