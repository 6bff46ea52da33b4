/**
 * The options of a client program's network, each with its unit, effect and default.
 */

import type { NetworkSecret } from './network-secret.js';

/** What `createClientDialer` takes. */
export interface ClientDialerOptions {
  /** Bytes that may wait on each stream before `send` refuses. @default 16 MiB */
  readonly queueBytesMax?: number;
  /** A server that is silent for this long has lost its stream, milliseconds: long enough for one
   * that was merely stalled to keep its clients. @default 5000 */
  readonly silenceMillisMax?: number;
  /** One address of a dial, milliseconds; the whole dial is the caller's signal. @default 3000 */
  readonly dialAddressMillisMax?: number;
  /** Joins the socket writes of a turn (cork.ts). @default true */
  readonly cork?: boolean;
  /** The secret of a closed cluster. @default null: the cluster is open */
  readonly secret?: NetworkSecret | null;
}

/** What holds when an option is not given. */
export const clientDialerDefaults = Object.freeze({
  queueBytesMax: 16 * 1024 * 1024,
  silenceMillisMax: 5000,
  dialAddressMillisMax: 3000,
  cork: true,
  secret: null,
});
