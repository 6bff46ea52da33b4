/**
 * The links of a server, by peer: each made when it is first spoken of, and forgotten when there is
 * nothing to remember of it.
 */

import type { Log } from '../base/log.js';
import { PeerLink } from './peer-link.js';
import type { PeerId } from './transport.js';

/** What the links need of the transport. */
export interface PeerLinksDeps {
  readonly self: PeerId;
  readonly log: Log;
  /** A link that neither side keeps is closed after this, milliseconds. */
  readonly unkeptMillisMax: number;
  readonly linkUp: (peer: PeerId) => void;
  readonly linkDown: (peer: PeerId) => void;
  readonly forgotten: (peer: PeerId) => void;
}

/** See the head of the file. */
export class PeerLinks {
  readonly #deps: PeerLinksDeps;
  readonly #links = new Map<PeerId, PeerLink>();

  constructor(deps: PeerLinksDeps) {
    this.#deps = deps;
  }

  /** The link to a peer, if anything is remembered of it. */
  find(peer: PeerId): PeerLink | undefined {
    return this.#links.get(peer);
  }

  /** The link to a peer. */
  of(peer: PeerId): PeerLink {
    const known = this.#links.get(peer);
    if (known !== undefined) return known;
    const { self, unkeptMillisMax, log, linkUp, linkDown } = this.#deps;
    const link = new PeerLink(peer, self, unkeptMillisMax, {
      linkUp,
      linkDown,
      secondLife: () => log.debug({ peer }, 'a second process greeted with one key'),
      cloned: (reason) => log.error({ peer, reason }, 'a data folder runs twice'),
    });
    this.#links.set(peer, link);
    return link;
  }

  /** Forgets the peer, if there is nothing to remember. */
  tidy(peer: PeerId): void {
    if (this.#links.get(peer)?.isForgettable !== true) return;
    this.#links.delete(peer);
    this.#deps.forgotten(peer);
  }

  /** Once for each tick of the transport. */
  tick(elapsedMillis: number): void {
    for (const [peer, link] of [...this.#links]) {
      link.tick(elapsedMillis);
      this.tidy(peer);
    }
  }
}
