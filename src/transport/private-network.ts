/**
 * Closes connections to who lacks the secret of the cluster: libp2p's private networks, PSK v1.
 * Each side sends a nonce and from then on mixes a keystream into all it says, below libp2p's own
 * handshake. Who cannot do that cannot say a word that is understood. Secrecy and proof of identity
 * stay the business of the handshake above: this layer only admits.
 *
 * The dialler speaks the first key of its secret. The dialled side tries all of its own on the
 * first words, which are the same on every connection, answers in the key that fits, and until one
 * does sends nothing but its nonce. It waits for at most nonce and first words, and for no longer
 * than a handshake may take. So a cluster changes its key server by server (docs/security.md).
 *
 * Invariant: no byte passes in either direction before it went through a keystream. It stands at
 * the `sendData` and `onData` of libp2p's stream, below its buffers: whatever is queued is mixed
 * when it leaves, in the order in which it leaves.
 * Source: libp2p specs, pnet/Private-Networks-PSK-V1.
 */

import { randomBytes } from 'node:crypto';
import type { MessageStream } from '@libp2p/interface';
import { Uint8ArrayList } from 'uint8arraylist';
import { secretFaults } from './dial-fault.js';
import { Keystream, nonceBytes, opens } from './keystream.js';
import type { NetworkSecret } from './network-secret.js';
import { agreementOpening, opensAgreement } from './prologue-reader.js';

/** What is read before it is known who speaks, bytes: the nonce and the first words. */
const openingBytes = nonceBytes + agreementOpening.length;

/** The streams of @libp2p/utils 7.4, below their buffers. */
interface Inside {
  sendData(data: Uint8ArrayList): { sentBytes: number; canSendMore: boolean };
  onData(data: Uint8Array | Uint8ArrayList): void;
  abort(error: Error): void;
  onTransportClosed(error?: Error): void;
  readonly readBuffer: Uint8ArrayList;
}

/** Closes a connection that came in; resolves when its dialler has shown that it has a key. */
export function admit(
  connection: MessageStream,
  secret: NetworkSecret,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const inside = insideOf(connection);
    const nonce = randomBytes(nonceBytes);
    // At once, and alone: others wait for it before they speak.
    inside.sendData(new Uint8ArrayList(nonce));
    const aborted = (): void => refuse(new Error('it did not speak in time'));
    const closed = (): void => refuse(new Error('it closed before it had spoken'));
    const settle = (): void => {
      signal?.removeEventListener('abort', aborted);
      connection.removeEventListener('close', closed);
    };
    const refuse = (fault: Error): void => {
      settle();
      connection.abort(fault);
      reject(fault);
    };
    signal?.addEventListener('abort', aborted);
    connection.addEventListener('close', closed);
    hear(inside, secret.understood, {
      opened: (key) => {
        settle();
        seal(inside, new Keystream(key, nonce), null);
        resolve();
      },
      failed: (isPlain) => refuse(new StrangerError(isPlain)),
    });
    if (signal?.aborted === true) aborted();
  });
}

/** The dialler has shown that it lacks the secret. */
export class StrangerError extends Error {
  override readonly name = 'StrangerError';

  /** @param isPlain it spoke as those do who have no secret at all */
  constructor(isPlain: boolean) {
    super(isPlain ? 'it speaks without a secret' : 'it has another secret, or is no libp2p node');
  }
}

/** Closes a connection that this side dials; what is sent on it may be sent at once. */
export function enter(connection: MessageStream, secret: NetworkSecret): void {
  const inside = insideOf(connection);
  const nonce = randomBytes(nonceBytes);
  const { abort, onTransportClosed } = inside;
  let heardBytes = 0;
  const told = (): Error =>
    new Error(heardBytes === 0 ? secretFaults.closedAtOnce : secretFaults.another);
  // An end before the other side has said a word means the secret: nothing else went wrong yet.
  inside.abort = (error) => {
    const isReset = (error as NodeJS.ErrnoException).code === 'ECONNRESET';
    abort.call(inside, isReset ? told() : error);
  };
  inside.onTransportClosed = (error) => onTransportClosed.call(inside, error ?? told());
  const restore = (): void => {
    inside.abort = abort;
    inside.onTransportClosed = onTransportClosed;
  };
  seal(inside, new Keystream(secret.spoken, nonce), nonce);
  hear(inside, [secret.spoken], {
    heard: (byteCount) => {
      heardBytes += byteCount;
    },
    opened: restore,
    failed: () => {
      restore();
      connection.abort(new Error(secretFaults.another));
    },
  });
}

/** Mixes a keystream into what leaves. @param ahead goes first, as it is */
function seal(inside: Inside, stream: Keystream, ahead: Uint8Array | null): void {
  const { sendData } = inside;
  let prefix = ahead;
  inside.sendData = (data) => {
    const { byteLength } = data;
    if (!stream.covers(byteLength)) {
      inside.abort(new Error('the keystream of this connection is used up'));
      return { sentBytes: byteLength, canSendMore: false };
    }
    const head = prefix?.length ?? 0;
    const sealed = new Uint8Array(head + byteLength);
    if (prefix !== null) sealed.set(prefix);
    prefix = null;
    let at = head;
    for (const part of data) {
      sealed.set(part, at);
      at += part.length;
    }
    stream.apply(sealed.subarray(head));
    // One piece is taken whole: what is mixed once must never be mixed and sent again.
    const { canSendMore } = sendData.call(inside, new Uint8ArrayList(sealed));
    return { sentBytes: byteLength, canSendMore };
  };
}

interface Hearing {
  readonly heard?: (byteCount: number) => void;
  /** One of the keys fits; what follows the first words passes from now on. */
  opened(key: Uint8Array): void;
  /** None does. */
  failed(isPlain: boolean): void;
}

/** Reads nonce and first words, finds their key, and then takes the keystream out of what comes. */
function hear(inside: Inside, keys: readonly Uint8Array[], hearing: Hearing): void {
  const { onData } = inside;
  const before = new Uint8ArrayList();
  let isOver = false;
  inside.onData = (data) => {
    if (isOver) return;
    before.append(data);
    hearing.heard?.(data.byteLength);
    const opening = before.subarray(0, Math.min(before.byteLength, openingBytes));
    const isPlain = opening.length >= agreementOpening.length && opensAgreement(opening);
    if (opening.length < openingBytes && !isPlain) return;
    isOver = true;
    const nonce = opening.slice(0, nonceBytes);
    const words = opening.subarray(nonceBytes);
    const fits = (key: Uint8Array): boolean => opens({ key, nonce }, words, agreementOpening);
    const key = isPlain ? undefined : keys.find(fits);
    if (key === undefined) return hearing.failed(isPlain);
    const stream = new Keystream(key, nonce);
    unseal(inside, stream, onData);
    before.consume(nonceBytes);
    hearing.opened(key);
    inside.onData(before);
  };
  // What came before anybody looked.
  const early = inside.readBuffer.slice();
  inside.readBuffer.consume(early.length);
  if (early.length > 0) inside.onData(early);
}

/** Takes a keystream out of what comes. */
function unseal(inside: Inside, stream: Keystream, onData: Inside['onData']): void {
  inside.onData = (data) => {
    if (!stream.covers(data.byteLength)) {
      inside.abort(new Error('the keystream of this connection is used up'));
      return;
    }
    // In place: nobody else has what a socket has read.
    const opened = data instanceof Uint8Array ? data : data.slice();
    stream.apply(opened);
    onData.call(inside, opened);
  };
}

/** @throws Error when libp2p is another than this file knows: nothing may pass unmixed. */
function insideOf(connection: MessageStream): Inside {
  const inside = connection as unknown as Inside;
  const isKnown =
    typeof inside.sendData === 'function' &&
    typeof inside.onData === 'function' &&
    typeof inside.onTransportClosed === 'function' &&
    typeof inside.readBuffer?.consume === 'function';
  if (!isKnown) throw new Error('this stream of libp2p cannot be closed by a secret');
  return inside;
}
