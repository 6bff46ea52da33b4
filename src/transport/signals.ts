/**
 * The payloads of the transport's own frames (framing.ts): reasons, which are one line of bounded
 * length whatever arrives, and the question and the notice of clone-watch.ts.
 */

import type { CloneNotice } from './transport.js';

/** A reason is one line of at most this many bytes. */
const reasonBytesMax = 512;

/** The number of a question, bytes. */
const questionBytes = 4;

/** The bytes of a reason, cut to what is allowed. */
export function encodeReason(reason: string): Uint8Array {
  return new TextEncoder().encode(reason).subarray(0, reasonBytesMax);
}

/** What a stranger gives as its reason: its control characters do not reach a terminal, nor do its
 * line ends reach a log. */
export function decodeReason(payload: Uint8Array): string {
  const text = new TextDecoder().decode(payload.subarray(0, reasonBytesMax));
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim() || 'no reason given';
}

/** The bytes of a question, or of its answer. @param question below 2³² */
export function encodeQuestion(question: number): Uint8Array {
  const payload = new Uint8Array(questionBytes);
  new DataView(payload.buffer).setUint32(0, question);
  return payload;
}

/** The number of a question or an answer; null when it is none. */
export function decodeQuestion(payload: Uint8Array): number | null {
  if (payload.length !== questionBytes) return null;
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
}

/** The bytes of a notice. */
export function encodeClone({ isRefused, reason }: CloneNotice): Uint8Array {
  const line = encodeReason(reason);
  const payload = new Uint8Array(1 + line.length);
  payload[0] = isRefused ? 0 : 1;
  payload.set(line, 1);
  return payload;
}

/** What a notice says. */
export function decodeClone(payload: Uint8Array): CloneNotice {
  return { isRefused: payload[0] !== 1, reason: decodeReason(payload.subarray(1)) };
}
