/**
 * What this server says of itself: its record, numbered and signed anew whenever it changes.
 *
 * Invariant: the sequence only grows. It begins at the wall clock's milliseconds, so that a restart
 * is newer than the life before; where the clock was set back, or the key lives twice, the server
 * hears of a higher sequence of its own and jumps above it, by chance far.
 */

import type { Rng } from '../base/rng.js';
import type { Signer } from '../base/signer.js';
import type { MemberRecord, SignedRecord } from '../membership/table.js';
import { encodeRecord, signedBytes } from '../wire/record-codec.js';

/** How far a life may jump above another: a quarter of an hour of the clock, of which the numbers
 * have a hundred thousand years. */
const livesApart = 2 ** 20;

/** What of the record is this server's to say. */
export type OwnFacts = Omit<MemberRecord, 'sequence' | 'peerId'>;

/** The record of this server. */
export class OwnRecord {
  readonly #signer: Signer;
  #facts: OwnFacts;
  #sequence: number;
  #signed: SignedRecord | null = null;

  /** @param startMillis milliseconds since 1970. */
  constructor(facts: OwnFacts, startMillis: number, signer: Signer) {
    this.#signer = signer;
    this.#facts = facts;
    this.#sequence = Math.max(1, Math.floor(startMillis));
  }

  get sequence(): number {
    return this.#sequence;
  }

  get facts(): OwnFacts {
    return this.#facts;
  }

  /** The record as others get it. */
  get signed(): SignedRecord {
    this.#signed ??= this.#sign();
    return this.#signed;
  }

  /** Says something new. @returns false when it is not new. */
  say(facts: Partial<OwnFacts>): boolean {
    const next = { ...this.#facts, ...facts };
    if (JSON.stringify(next) === JSON.stringify(this.#facts)) return false;
    this.#facts = next;
    this.raiseAbove(this.#sequence);
    return true;
  }

  /** Says the same again, newer than `sequence`: that refutes whatever was said against it. */
  raiseAbove(sequence: number): void {
    this.#sequence = Math.max(this.#sequence, sequence) + 1;
    this.#signed = null;
  }

  /**
   * Goes on from the number of a life before, which may not have been its last: two lives that go
   * on from one number, or one from another's last but one, must not make the same numbers for
   * different words, for records of one number are one record to everybody.
   */
  goOnFrom(sequence: number, rng: Rng): void {
    this.raiseAbove(sequence + rng.below(livesApart));
  }

  #sign(): SignedRecord {
    const record = { peerId: this.#signer.self, sequence: this.#sequence, ...this.#facts };
    const payload = encodeRecord(record);
    return { record, payload, signature: this.#signer.sign(signedBytes(payload)) };
  }
}
