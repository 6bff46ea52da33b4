/**
 * What of a peer's gossipsub message is let through to gossipsub. The library bounds much, but
 * keeps each message it has seen for a while, passes it on, and believes what it is told about
 * waiting times; so what it does not need goes, and the rest has a rate: for each peer, and a wider
 * one over all, so that no single peer can silence the others.
 *
 *  - Only messages of our topic, of a size that may be published, within the rates.
 *  - No lists of messages offered or wanted (ihave, iwant): whoever missed a message learns its
 *    content from a neighbour anyway (the channel `gossip`), and one that is pushed never waits.
 *  - No peers to dial instead (peer exchange), and no waiting time longer than our own.
 *
 * Over its rate a message is dropped, not punished: it may be honest and passed on for a flooder.
 */

import type { RPC } from '@chainsafe/libp2p-gossipsub/message';
import { type Rate, TokenBucket } from './token-bucket.js';

/** Bytes that go before what the owner publishes, so that the same said twice is heard twice. */
export const rumourNonceBytes = 8;

/** Longest text that may be published, bytes. */
export const rumourBytesMax = 32 * 1024;

/** How long a peer may tell us to stay out of its mesh, seconds. */
export const pruneSecondsMax = 10;

/** A server says something about once a second; it also passes on what others said. */
const peerRates: Rates = {
  messages: { burst: 1000, perSecond: 200 },
  bytes: { burst: 1024 * 1024, perSecond: 256 * 1024 },
};

/** Over all peers: it bounds what is kept, and what is passed on to each peer. */
const allRates: Rates = {
  messages: { burst: 4000, perSecond: 1000 },
  bytes: { burst: 4 * 1024 * 1024, perSecond: 1024 * 1024 },
};

interface Rates {
  readonly messages: Rate;
  readonly bytes: Rate;
}

/** What may still pass. */
export class RumourAllowance {
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;

  private constructor(rates: Rates) {
    this.#messages = new TokenBucket(rates.messages);
    this.#bytes = new TokenBucket(rates.bytes);
  }

  static ofPeer(): RumourAllowance {
    return new RumourAllowance(peerRates);
  }

  static ofAll(): RumourAllowance {
    return new RumourAllowance(allRates);
  }

  has(bytes: number): boolean {
    return this.#messages.has(1) && this.#bytes.has(bytes);
  }

  spend(bytes: number): void {
    this.#messages.spend(1);
    this.#bytes.spend(bytes);
  }

  elapsed(millis: number): void {
    this.#messages.elapsed(millis);
    this.#bytes.elapsed(millis);
  }
}

/** Takes out of `rpc` what is not let through. Returns how many messages went over a rate. */
export function siftRumours(
  rpc: RPC,
  topic: string,
  allowances: readonly RumourAllowance[],
): number {
  let dropped = 0;
  rpc.messages = rpc.messages.filter((message) => {
    const bytes = message.data?.length ?? 0;
    if (message.topic !== topic) return false;
    if (bytes <= rumourNonceBytes || bytes > rumourBytesMax + rumourNonceBytes) return false;
    if (!allowances.every((allowance) => allowance.has(bytes))) {
      dropped += 1;
      return false;
    }
    for (const allowance of allowances) allowance.spend(bytes);
    return true;
  });
  const { control } = rpc;
  if (control === undefined) return dropped;
  control.ihave = [];
  control.iwant = [];
  for (const prune of control.prune) {
    prune.peers = [];
    prune.backoff = Math.min(Number(prune.backoff ?? pruneSecondsMax), pruneSecondsMax);
  }
  return dropped;
}
