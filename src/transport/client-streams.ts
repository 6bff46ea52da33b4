/**
 * The streams that clients have opened to a server: how many there may be, and their ends.
 */

import type { Connection, Stream } from '@libp2p/interface';
import type { Log } from '../base/log.js';
import { fromMultiaddr } from './addresses.js';
import { LibP2pClientStream } from './client-stream.js';
import type { ClientStream } from './transport.js';
import type { CompleteOptions } from './transport-options.js';
import type { TurnFlusher } from './turn-flusher.js';

/** What client streams need of the transport. */
export interface ClientStreamsDeps {
  readonly options: CompleteOptions;
  readonly flusher: TurnFlusher;
  readonly log: Log;
  /** Takes a stream; null: the server stops. */
  readonly accepts: () => ((stream: ClientStream) => void) | null;
  /** The connection carries a client. */
  readonly used: (connection: Connection) => void;
  /** A stream of the connection ended. */
  readonly ended: (connection: Connection) => void;
}

/** See the head of the file. */
export class ClientStreams {
  readonly #deps: ClientStreamsDeps;
  readonly #streams = new Set<LibP2pClientStream>();

  constructor(deps: ClientStreamsDeps) {
    this.#deps = deps;
  }

  /** Everything sent was given to the sockets. */
  get isIdle(): boolean {
    return [...this.#streams].every((stream) => stream.isIdle);
  }

  /** A client opened a stream. */
  accept(stream: Stream, connection: Connection): void {
    const { options, flusher, log, accepts, used, ended } = this.#deps;
    const take = accepts();
    if (take === null || this.#streams.size >= options.clientStreamsMax) {
      log.warn({ streams: this.#streams.size }, 'client refused: too many client streams');
      stream.abort(new Error('too many client streams'));
      return;
    }
    used(connection);
    const client = new LibP2pClientStream({
      stream,
      remotePeer: connection.remotePeer.toString(),
      remoteAddress: fromMultiaddr(connection.remoteAddr) ?? '',
      flusher,
      queueBytesMax: options.clientQueueBytesMax,
      silenceMillisMax: options.clientSilenceMillisMax,
      ended: (over) => {
        this.#streams.delete(over);
        ended(connection);
      },
    });
    this.#streams.add(client);
    take(client);
  }

  /** Once for each tick of the transport. */
  tick(elapsedMillis: number): void {
    for (const stream of [...this.#streams]) stream.tick(elapsedMillis);
  }

  /** Sends what is queued, then closes, all of them. */
  close(): void {
    for (const stream of this.#streams) stream.close();
  }
}
