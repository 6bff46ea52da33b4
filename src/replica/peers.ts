/**
 * Whom this server knows and how to reach them: the address book, the greetings, and which links to
 * keep. Addresses are not identity: a peer is its key; where it was last seen is only where to
 * dial. Who is a member is the log's word alone and is told to this class by `follow`.
 *
 * Invariant: no greeting is accepted that names another cluster, or a member's id with a key or an
 * incarnation other than the configuration's.
 */

import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import { neighbourhood } from '../membership/ring.js';
import type { Configuration, MemberId, MemberInfo } from '../raft/types.js';
import type { Hello, PeerId, Transport } from '../transport/transport.js';
import type { PeerAddresses } from '../wire/peer-messages.js';

/** The most peers in the address book; strangers beyond it are not noted. */
const bookPeersMax = 1024;

/** From so many greetings on, those of strangers without a link are forgotten. */
const greetingsMax = 4096;

/** After its greeting a link is up within this time, or never, milliseconds: twice what the
 * transport allows. */
const greetingMillisMax = 10_000;

/** How long a removed member keeps its link, to be told so, milliseconds. */
const letGoMillis = 1000;

/** The most places where one peer is looked for. */
const addressesMax = 32;

/** The version of the protocol between servers; different ones do not talk. */
const peerProtocol = 1;

/** Who this server is, for greetings. */
export interface SelfIdentity {
  readonly clusterName: string;
  readonly clusterId: string | null;
  readonly memberId: MemberId | null;
  readonly incarnation: string;
  readonly name: string;
  readonly version: string;
  /** The cluster that put this server out, for one that is in none since then: it joins no other.
   * @default none did */
  readonly formerClusterId?: string;
}

/** What a peer book works with. */
export interface PeersDeps {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
  /** Keeps the book over a restart; best effort. */
  readonly save: (book: readonly PeerAddresses[]) => void;
}

/** The peers of one server. */
export class Peers {
  readonly #deps: PeersDeps;
  #self: SelfIdentity;
  readonly #book = new Map<PeerId, readonly string[]>();
  readonly #greetings = new Map<PeerId, Hello>();
  /** When each of them came, monotonic milliseconds. */
  readonly #greetedAt = new Map<PeerId, number>();
  /** When a link was last lost, monotonic milliseconds. */
  readonly #lostAt = new Map<PeerId, number>();
  /** Everyone that any configuration of this life named: frames of members just removed, or of a
   * change just taken back, still have to find their way. */
  readonly #directory = new Map<MemberId, MemberInfo>();
  /** Why a peer was last refused, here or there. */
  readonly #refusals = new Map<PeerId, string>();
  /** Peers with whom a link is kept. */
  readonly #kept = new Set<PeerId>();
  /** Peers that the configuration in force wants linked, and all that it names. */
  #wanted: ReadonlySet<PeerId> = new Set();
  #members: ReadonlySet<PeerId> = new Set();
  /** Peers that said in this life themselves where they are: hearsay does not count beside it. */
  readonly #located = new Set<PeerId>();
  #saveScheduled = false;

  constructor(self: SelfIdentity, book: readonly PeerAddresses[], deps: PeersDeps) {
    this.#self = self;
    this.#deps = deps;
    for (const { peerId, addresses } of book) this.#book.set(peerId, addresses);
  }

  get self(): SelfIdentity {
    return this.#self;
  }

  /** This server has become a member. */
  becameMember(clusterId: string, memberId: MemberId): void {
    this.#self = { ...this.#self, clusterId, memberId };
    this.#deps.transport.greetAgain();
  }

  /** This server, in no cluster yet, has begun anew: it has another incarnation, on disk. */
  renewed(incarnation: string): void {
    this.#self = { ...this.#self, incarnation };
    this.#deps.transport.greetAgain();
  }

  /** Whether this refusal of a peer is worth a line: the first time, not at every try. */
  isNews(peer: PeerId, reason: string): boolean {
    if (this.#refusals.get(peer) === reason) return false;
    if (this.#refusals.size >= bookPeersMax) this.#refusals.clear();
    this.#refusals.set(peer, reason);
    return true;
  }

  /** A peer refused this server. @param address where it was dialled, if it was */
  refusedBy(peer: PeerId, address: string | null, reason: string): void {
    if (!this.isNews(peer, reason)) return;
    this.#deps.log.warn({ peer, address, reason }, 'a server refused to talk to this one');
  }

  hello(): Hello {
    const addresses = this.#deps.transport.addresses();
    return { ...this.#self, protocol: peerProtocol, addresses };
  }

  /** Judges a greeting: null to accept, else one line why not. */
  greeted(peer: PeerId, hello: Hello): string | null {
    const refusal = this.#refusalOf(peer, hello);
    if (refusal !== null) return refusal;
    if (this.#greetings.size >= greetingsMax) this.#forgetStrangers();
    this.#greetings.set(peer, hello);
    this.#greetedAt.set(peer, this.#deps.clock.monotonicMillis());
    this.#refusals.delete(peer);
    this.#lostAt.delete(peer);
    this.located(peer, hello.addresses);
    return null;
  }

  linkDown(peer: PeerId): void {
    this.#lostAt.set(peer, this.#deps.clock.monotonicMillis());
    if (!this.#kept.has(peer)) this.#forgetLater(peer);
  }

  greeting(peer: PeerId): Hello | undefined {
    return this.#greetings.get(peer);
  }

  /** For how long there has been no link to the peer, milliseconds; 0 while there is one. */
  silentForMillis(peer: PeerId): number {
    if (this.#deps.transport.isLinked(peer)) return 0;
    const lost = this.#lostAt.get(peer);
    return lost === undefined
      ? Number.POSITIVE_INFINITY
      : this.#deps.clock.monotonicMillis() - lost;
  }

  /** Whether a peer greeted as a server of this server's cluster. */
  isOfCluster(peer: PeerId): boolean {
    const { clusterId } = this.#self;
    return clusterId !== null && this.#greetings.get(peer)?.clusterId === clusterId;
  }

  /** Notes where peers can be dialled, by others' word: candidates, never members. Of whoever said
   * it himself, by greeting or signed record, the word of others counts no more. */
  learn(peers: readonly PeerAddresses[]): void {
    for (const { peerId, addresses } of peers) {
      if (!this.#located.has(peerId)) this.#note(peerId, addresses);
    }
  }

  /** A peer says itself where it is, by its greeting or its signed record. */
  located(peer: PeerId, addresses: readonly string[]): void {
    if (addresses.length === 0) return;
    this.#note(peer, addresses);
    if (this.#book.has(peer)) this.#located.add(peer);
  }

  /** mDNS saw a peer; it names strangers too. Nobody has proved that he is there, so what a peer
   * said itself stays, and is tried first. */
  learnMember(peer: PeerId, addresses: readonly string[]): void {
    if (!this.#members.has(peer) && !this.#kept.has(peer)) return;
    if (this.#deps.transport.isLinked(peer)) return;
    const said = this.#located.has(peer) ? (this.#book.get(peer) ?? []) : [];
    this.#note(peer, [...new Set([...said, ...addresses])].slice(0, addressesMax));
  }

  #note(peerId: PeerId, addresses: readonly string[]): void {
    if (peerId === this.#deps.transport.self || addresses.length === 0) return;
    const known = this.#book.get(peerId);
    if (known === undefined && this.#book.size >= bookPeersMax) return;
    if (known !== undefined && sameAddresses(known, addresses)) return;
    this.#book.set(peerId, [...addresses]);
    if (this.#kept.has(peerId)) this.#deps.transport.keep(peerId, addresses);
    this.#saveSoon();
  }

  addressesOf(peer: PeerId): readonly string[] {
    return peer === this.#deps.transport.self
      ? this.#deps.transport.addresses()
      : (this.#book.get(peer) ?? []);
  }

  /** Addresses of the members, this server's own among them. */
  bookOfMembers(): readonly PeerAddresses[] {
    const peers = new Set([...this.#kept, ...this.#members, this.#deps.transport.self]);
    return [...peers]
      .map((peerId) => ({ peerId, addresses: this.addressesOf(peerId) }))
      .filter((entry) => entry.addresses.length > 0);
  }

  /** Keeps links to these for now: members of a cluster that took this server in, whom its own log
   * does not name yet. The first configuration that names this server decides who stays. */
  keepForNow(peers: readonly PeerAddresses[]): void {
    this.learn(peers);
    for (const { peerId } of peers) this.#keep(peerId);
  }

  /** Keeps the links that this configuration wants, which is in the log and may be taken back: so
   * nobody is let go yet. */
  follow(configuration: Configuration): void {
    this.#wanted = this.#linksOf(configuration);
    this.#members = new Set(configuration.members.map(({ peerId }) => peerId));
    for (const member of configuration.members) this.#directory.set(member.id, member);
    for (const peer of this.#wanted) this.#keep(peer);
  }

  #keep(peer: PeerId): void {
    if (peer === this.#deps.transport.self || this.#kept.has(peer)) return;
    this.#kept.add(peer);
    this.#deps.transport.keep(peer, this.#book.get(peer) ?? []);
  }

  /** This configuration is committed: who is not in it is let go, once he had time to hear so. */
  settle(configuration: Configuration): void {
    const staying = this.#linksOf(configuration);
    this.#deps.clock.after(letGoMillis, () => {
      for (const peer of [...this.#kept]) {
        if (staying.has(peer) || this.#wanted.has(peer)) continue;
        this.#kept.delete(peer);
        this.#deps.transport.release(peer);
        if (!this.#deps.transport.isLinked(peer)) this.#forgetLater(peer);
      }
    });
  }

  #linksOf(configuration: Configuration): ReadonlySet<PeerId> {
    return neighbourhood(configuration, this.#deps.transport.self).links;
  }

  /** Where to look for peers that are known and not linked. */
  unlinkedAddresses(): readonly string[] {
    const { transport } = this.#deps;
    return [...this.#book]
      .filter(([peer]) => !transport.isLinked(peer))
      .flatMap(([, addresses]) => addresses);
  }

  /** Where messages to a member go: the peer that a configuration names, or the one whose greeting
   * claims an id that none known here names yet: a newcomer's log does not name its leader. */
  peerOf(id: MemberId): PeerId | undefined {
    const member = this.#directory.get(id);
    if (member !== undefined) return member.peerId;
    for (const [peer, hello] of this.#greetings) {
      if (hello.memberId === id && hello.clusterId === this.#self.clusterId) return peer;
    }
    return undefined;
  }

  member(id: MemberId): MemberInfo | undefined {
    return this.#directory.get(id);
  }

  /**
   * Whether frames of `peer` may speak for member `id`: the configuration's key and incarnation;
   * or, for an id younger than every configuration known here (`newestIndex`), the greeting's
   * claim, since a server that missed the newcomer's admission must still answer it (trap 4).
   */
  maySpeakFor(peer: PeerId, id: MemberId, newestIndex: number): boolean {
    const hello = this.#greetings.get(peer);
    if (hello === undefined || hello.clusterId !== this.#self.clusterId) return false;
    if (hello.memberId !== id) return false;
    const member = this.#directory.get(id);
    if (member === undefined) return id > newestIndex;
    return member.peerId === peer && member.incarnation === hello.incarnation;
  }

  #refusalOf(peer: PeerId, hello: Hello): string | null {
    const self = this.#self;
    if (hello.protocol !== peerProtocol) {
      return (
        `this server speaks protocol ${peerProtocol} (version ${self.version}), you ` +
        `${hello.protocol}`
      );
    }
    if (hello.clusterName !== self.clusterName) {
      return `the clusters differ: "${self.clusterName}" and "${hello.clusterName}"`;
    }
    const own = self.clusterId ?? self.formerClusterId ?? null;
    if (hello.clusterId === null || own === null) return null;
    if (hello.clusterId !== own) {
      const mine = own.slice(0, 8);
      const yours = hello.clusterId.slice(0, 8);
      return (
        `two clusters are named "${self.clusterName}" (ids ${mine}… and ${yours}…): ` +
        `they never merge`
      );
    }
    if (hello.memberId === null) return null;
    const member = this.#directory.get(hello.memberId);
    if (member === undefined) return null;
    if (member.peerId !== peer) return `member ${hello.memberId} has another key`;
    if (member.incarnation !== hello.incarnation) {
      return `unknown incarnation of member ${hello.memberId}: its data folder is another`;
    }
    return null;
  }

  #forget(peer: PeerId): void {
    this.#greetings.delete(peer);
    this.#greetedAt.delete(peer);
    this.#lostAt.delete(peer);
  }

  /**
   * Forgets a peer that has no link any more. Not at once: a greeting comes before its link is up,
   * a new connection's before the old one's end is seen; forgotten in between it would leave a link
   * on which nothing is believed (the simulator found that, twice).
   */
  #forgetLater(peer: PeerId): void {
    this.#deps.clock.after(greetingMillisMax, () => {
      if (!this.#kept.has(peer) && !this.#isPending(peer)) this.#forget(peer);
    });
  }

  /** Whether there is a link, or a greeting whose link may still come up. */
  #isPending(peer: PeerId): boolean {
    if (this.#deps.transport.isLinked(peer)) return true;
    const greetedAt = this.#greetedAt.get(peer) ?? Number.NEGATIVE_INFINITY;
    return this.#deps.clock.monotonicMillis() - greetedAt < greetingMillisMax;
  }

  /** Strangers whose greeting led to no link, once there are many. */
  #forgetStrangers(): void {
    for (const peer of this.#greetings.keys()) {
      if (!this.#kept.has(peer) && !this.#isPending(peer)) this.#forget(peer);
    }
  }

  #saveSoon(): void {
    if (this.#saveScheduled) return;
    this.#saveScheduled = true;
    this.#deps.clock.after(200, () => {
      this.#saveScheduled = false;
      this.#deps.save([...this.#book].map(([peerId, addresses]) => ({ peerId, addresses })));
    });
  }
}

function sameAddresses(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((address, at) => address === other[at]);
}
