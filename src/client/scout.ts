/**
 * Asks the server in use how the cluster stands, so that the client learns where the other
 * members are, and, if it wants to be there, finds the leader and moves to it. It also shows that
 * a server lives while only follows, which may rightly stay silent, are open. Nothing depends on
 * its answers: any server takes any request.
 */

import type { Clock } from '../base/clock.js';
import type { ClientDialer } from '../transport/transport.js';
import type { ClientReply, ClusterStatus } from '../wire/client-messages.js';
import type { Link, Receiver } from './link.js';
import type { ClientSettings } from './options.js';
import type { Targets } from './targets.js';

const probeEveryMillis = 2000;

/** The one who asks around. */
export class Scout implements Receiver {
  readonly manner = 'probe';
  readonly #settings: ClientSettings;
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #dialer: ClientDialer;
  readonly #targets: Targets;
  #askedMillis = Number.NEGATIVE_INFINITY;
  #awaits = 0;
  #seeking: AbortController | null = null;

  constructor(
    settings: ClientSettings,
    deps: { link: Link; clock: Clock; dialer: ClientDialer; targets: Targets },
  ) {
    this.#settings = settings;
    this.#link = deps.link;
    this.#clock = deps.clock;
    this.#dialer = deps.dialer;
    this.#targets = deps.targets;
  }

  /** A fresh stream: asks at once. */
  opened(): void {
    this.#awaits = 0;
    this.#ask();
  }

  closed(): void {
    this.#awaits = 0;
    this.#seeking?.abort();
  }

  /** Called now and then while the client has something to do. */
  check(nowMillis: number): void {
    if (nowMillis - this.#askedMillis >= probeEveryMillis) this.#ask();
  }

  replied(reply: ClientReply): void {
    this.#awaits = 0;
    if (reply.type !== 'status') return;
    const { status } = reply;
    this.#targets.learn(status.members.flatMap((member) => [...member.addresses]));
    const addresses = leaderElsewhere(status);
    if (!this.#settings.preferLeader || addresses.length === 0 || this.#seeking) return;
    if (addresses.includes(this.#link.address)) return;
    // A leader that was just tried in vain (it may refuse what this client asks) is no place to go
    // back to before another server had its turn.
    if (addresses.some((address) => this.#targets.isTried(address))) return;
    void this.#seek(addresses);
  }

  #ask(): void {
    if (!this.#link.isOpen || this.#awaits !== 0) return;
    this.#askedMillis = this.#clock.monotonicMillis();
    this.#awaits = this.#link.expect(this);
    this.#link.post({ type: 'status', id: this.#awaits });
  }

  /** Dials the leader beside the stream in use, which serves on until the new one is open. */
  async #seek(addresses: readonly string[]): Promise<void> {
    const attempt = new AbortController();
    this.#seeking = attempt;
    const timer = this.#clock.after(this.#settings.dialTimeoutMillis, () => attempt.abort());
    try {
      for (const address of addresses) {
        const stream = await this.#dialer.dial(address, attempt.signal).catch(() => null);
        if (!stream) continue;
        if (attempt.signal.aborted) stream.close();
        else {
          // From here on the end of the old stream is no reason to give up: it is our doing.
          this.#seeking = null;
          this.#link.adopt(stream, address);
        }
        return;
      }
    } finally {
      timer.cancel();
      if (this.#seeking === attempt) this.#seeking = null;
    }
  }
}

/** Where the leader is, when it is another server than the one that answered. */
function leaderElsewhere(status: ClusterStatus): readonly string[] {
  const { leader, members, self } = status;
  if (!leader || leader.memberId === self.memberId) return [];
  return members.find((member) => member.memberId === leader.memberId)?.addresses ?? [];
}
