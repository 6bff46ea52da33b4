/**
 * Founding together (EXPECT): n servers without data that see one another sign one record, and with
 * all n signatures it is a cluster. A state machine: facts in, duties out; time is told to it.
 *
 *   looking ─► signing ─► signed ─► certifying ─► over (founded, or taken in by a cluster)
 *      ▲                    │
 *      └──── renewing ◄─────┘ a founder said that it will never sign: the record is dead
 *
 * Invariant: an incarnation signs one record in its life, and its signature is on disk before
 * anybody else has it. So of two records that name one incarnation at most one is ever signed by
 * all, and no schedule gives two clusters over common servers.
 *
 * "Never" is a word that is kept: it is given only by a server whose own disk holds why (another
 * record signed, a newer incarnation, a place in another cluster). So a record with such a founder
 * can never be complete, and who signed it may begin anew, as an incarnation that signed nothing.
 * Without that word a signer waits for the founder that is missing, for ever: its signature may be
 * on its way.
 */

import { assert, unreachable } from '../base/assert.js';
import type { Founder, FoundingRecord, SignedFounding } from '../base/founding-record.js';
import type { Signer } from '../base/signer.js';
import { type Candidate, chosenFounders, keyOf } from './founding-candidates.js';
import type {
  FoundingInput,
  FoundingOptions,
  FoundingOutput,
  SeenServer,
  Sighting,
} from './founding-io.js';
import {
  clusterIdOf,
  founderId,
  foundingBase,
  foundingRecord,
  type Hash,
  isCertificate,
  mergedSignatures,
  recordFault,
  signRecord,
} from './founding-record.js';
import { foundingWait, type Looking } from './founding-wait.js';

/** What a founding works with; both are synchronous and without effects. */
export interface FoundingDeps {
  readonly signer: Signer;
  readonly hash: Hash;
}

/** A server that wants to found says so with its first frame; later, it does not want to. */
const silentMillis = 1000;

type Phase = 'looking' | 'signing' | 'signed' | 'renewing' | 'certifying' | 'over';

interface Held {
  readonly id: string;
  readonly record: FoundingRecord;
  signatures: SignedFounding['signatures'];
  /** Why a founder has not signed, by its own word. */
  readonly reasons: Map<string, string>;
}

/** The founding of one server. */
export class Founding {
  readonly #options: FoundingOptions;
  readonly #deps: FoundingDeps;
  #self: Founder;
  #nonce: string;
  #phase: Phase;
  #held: Held | null = null;
  #clusterId: string | null;
  readonly #seen = new Map<string, SeenServer>();
  readonly #seenSince = new Map<string, number>();
  readonly #sightings = new Map<string, Sighting>();
  /** A server of a cluster that is not the held record's: seen once, it is remembered. */
  #foreign: SeenServer | null = null;
  #chosen = '';
  #chosenSince = 0;
  #told = '';
  #repeatedAt = Number.NEGATIVE_INFINITY;
  #now = 0;
  #outputs: FoundingOutput[] = [];

  constructor(options: FoundingOptions, deps: FoundingDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#self = options.self;
    this.#nonce = options.nonce;
    this.#clusterId = options.clusterId;
    this.#phase = options.clusterId === null ? 'looking' : 'over';
    const { signed } = options;
    if (signed === null || !names(signed.record, this.#self)) return;
    const { record } = signed;
    const signatures = mergedSignatures(record, [], signed.signatures, deps.signer);
    this.#hold(record, signatures);
    // What was read from the disk is on it.
    if (this.#phase === 'looking') this.#phase = 'signed';
  }

  /** Takes a fact; answers what is to be done, in order. */
  step(input: FoundingInput, nowMillis: number): readonly FoundingOutput[] {
    this.#now = nowMillis;
    this.#outputs = [];
    this.#take(input);
    this.#advance();
    return this.#outputs;
  }

  /** Whether this server may ask a cluster to take it in: never while others may have its
   * signature, or it would be in two clusters. */
  get mayJoin(): boolean {
    return this.#phase === 'looking';
  }

  /** Whether it is a member, for good. */
  get isOver(): boolean {
    return this.#phase === 'over';
  }

  /** One line: what it waits for. */
  waitingFor(): string {
    return foundingWait({ ...this.#looking(), held: this.#held, foreign: this.#foreign });
  }

  #looking(): Looking {
    const { expect, version } = this.#options;
    const old = this.#now - silentMillis;
    const silent = new Set([...this.#seenSince].flatMap(([id, at]) => (at <= old ? [id] : [])));
    const seen = this.#seen;
    return { self: this.#self, expect, version, seen, sightings: this.#sightings, silent };
  }

  // ---- facts ----

  #take(input: FoundingInput): void {
    switch (input.type) {
      case 'seen':
        return this.#see(input.server);
      case 'lost':
        this.#seen.delete(input.peerId);
        this.#seenSince.delete(input.peerId);
        this.#sightings.delete(input.peerId);
        return;
      case 'sighted':
        if (this.#seen.has(input.peerId)) this.#sightings.set(input.peerId, input.sighting);
        return;
      case 'offered':
        return this.#offered(input.peerId, input.founding);
      case 'refused':
        return this.#refused(input);
      case 'written':
        return this.#written();
      case 'renewed':
        return this.#renewed(input.incarnation, input.nonce);
      case 'joined':
        assert(this.#phase === 'looking', 'joined a cluster while a signature was out');
        this.#clusterId = input.clusterId;
        this.#phase = 'over';
        return;
      case 'tick':
        return this.#repeat();
      default:
        return unreachable(input);
    }
  }

  #see(server: SeenServer): void {
    const { peerId, clusterId } = server;
    this.#seen.set(peerId, server);
    if (!this.#seenSince.has(peerId)) this.#seenSince.set(peerId, this.#now);
    if (clusterId !== null && clusterId !== this.#held?.id) this.#foreign ??= server;
    if (this.#phase === 'over') return;
    const sighting = this.#sighting();
    if (sighting !== null && clusterId === null) {
      this.#outputs.push({ type: 'tell', to: [peerId], sighting });
    }
    if (this.#phase === 'signed') this.#offerTo(peerId);
  }

  #offered(from: string, { record, signatures }: SignedFounding): void {
    const { hash, signer } = this.#deps;
    if (recordFault(record) !== null) return;
    const recordId = clusterIdOf(record, hash);
    const held = this.#held;
    if (held !== null && recordId === held.id) {
      held.signatures = mergedSignatures(record, held.signatures, signatures, signer);
      // Ends, since a set of signatures only grows.
      if (signatures.length < held.signatures.length && this.#isOnDisk()) this.#offerTo(from);
      return;
    }
    if (founderId(record, this.#self.peerId) === 0) return;
    const never = this.#whyNever(record, recordId);
    if (never !== null) return this.#refuse(from, recordId, true, never);
    // While it writes its own, nothing is sure yet; who asked asks again.
    if (this.#phase !== 'looking') return;
    const merged = mergedSignatures(record, [], signatures, signer);
    const reason = this.#whyNot(record, merged);
    if (reason !== null) return this.#refuse(from, recordId, false, reason);
    this.#sign(record, merged);
  }

  /** Why this server will never sign the record: each reason is on its disk. */
  #whyNever(record: FoundingRecord, recordId: string): string | null {
    const { name } = this.#self;
    if (!names(record, this.#self)) return `${name} has begun anew since that record was made`;
    if (this.#phase === 'over' && this.#clusterId !== recordId) return `${name} is in a cluster`;
    if (this.#held !== null && this.#isOnDisk()) return `${name} has signed another record`;
    return null;
  }

  /** Why it does not sign now. `signatures`: those that hold. */
  #whyNot(record: FoundingRecord, signatures: SignedFounding['signatures']): string | null {
    const { clusterName, expect } = this.#options;
    const { founders } = record;
    const { name } = this.#self;
    if (record.clusterName !== clusterName) return `${name} is for cluster "${clusterName}"`;
    if (expect === null) return `${name} was started without EXPECT`;
    if (expect !== founders.length) return `${name} was started with EXPECT=${expect}`;
    if (signatures[0]?.peerId !== founders[0]?.peerId) return 'who proposed it has not signed it';
    const named = founders[founderId(record, this.#self.peerId) - 1]?.name;
    if (named !== name) return `${named} is named ${name} now`;
    const foreign = this.#foreign;
    if (foreign !== null) return `${name} has seen a cluster (${foreign.name} is in it)`;
    const changed = founders.find(({ peerId, incarnation }) => {
      const seen = this.#seen.get(peerId);
      return seen !== undefined && seen.incarnation !== incarnation;
    });
    return changed === undefined ? null : `${changed.name} has begun anew since`;
  }

  #refused(input: Extract<FoundingInput, { type: 'refused' }>): void {
    const held = this.#held;
    if (held === null || input.recordId !== held.id || this.#phase !== 'signed') return;
    if (founderId(held.record, input.peerId) === 0) return;
    held.reasons.set(input.peerId, input.reason);
    if (!input.never) return;
    this.#phase = 'renewing';
    this.#outputs.push({ type: 'renew', reason: input.reason });
  }

  #written(): void {
    if (this.#phase === 'signing') {
      this.#phase = 'signed';
      this.#offerToAll();
    } else if (this.#phase === 'certifying') {
      const { id, record } = this.#held as Held;
      this.#clusterId = id;
      this.#phase = 'over';
      const memberId = founderId(record, this.#self.peerId);
      // Whoever lacks a signature gets the certificate from the first who has it.
      this.#offerToAll();
      this.#outputs.push({ type: 'found', clusterId: id, memberId, base: foundingBase(record) });
    }
  }

  #renewed(incarnation: string, nonce: string): void {
    this.#self = { ...this.#self, incarnation };
    this.#nonce = nonce;
    this.#held = null;
    this.#phase = 'looking';
    this.#chosen = '';
  }

  // ---- what follows ----

  #advance(): void {
    if (this.#phase === 'looking') this.#maybePropose();
    if (this.#phase === 'signed' && this.#held !== null && isCertificate(this.#held)) {
      this.#phase = 'certifying';
      this.#outputs.push({ type: 'write', founding: plain(this.#held) });
    }
    if (this.#phase !== 'over') this.#tellChange();
  }

  #maybePropose(): void {
    const { expect, clusterName, marginMillis } = this.#options;
    const sightings = [...this.#sightings.values()];
    // One that has signed may be about to be in a cluster: that one is waited for.
    const isFree = sightings.every(({ sawCluster, isSigned }) => !sawCluster && !isSigned);
    const mayFound = expect !== null && expect > 1 && this.#foreign === null && isFree;
    const founders = mayFound ? chosenFounders(this.#candidates(expect), expect) : null;
    const chosen = founders === null ? '' : founders.map(keyOf).join();
    if (chosen !== this.#chosen) {
      this.#chosen = chosen;
      this.#chosenSince = this.#now;
    }
    if (founders === null || founders[0]?.peerId !== this.#self.peerId) return;
    if (this.#now - this.#chosenSince < marginMillis) return;
    this.#sign(foundingRecord(clusterName, founders, this.#nonce), []);
  }

  #candidates(expect: number): readonly Candidate[] {
    const others = this.#empty().flatMap(({ peerId, incarnation, name, version }) => {
      const sighting = this.#sightings.get(peerId);
      if (sighting?.expect !== expect || version !== this.#options.version) return [];
      return [{ peerId, incarnation, name, sees: new Set(sighting.sees.map(keyOf)) }];
    });
    return [{ ...this.#self, sees: new Set(this.#empty().map(keyOf)) }, ...others];
  }

  #empty(): readonly SeenServer[] {
    return [...this.#seen.values()].filter(({ clusterId }) => clusterId === null);
  }

  #sign(record: FoundingRecord, others: SignedFounding['signatures']): void {
    assert(this.#held === null, 'an incarnation signs once');
    const { signer } = this.#deps;
    const signatures = [...others, signRecord(record, signer)];
    this.#hold(record, mergedSignatures(record, signatures, [], signer));
    this.#phase = 'signing';
    this.#outputs.push({ type: 'write', founding: plain(this.#held as unknown as Held) });
  }

  #hold(record: FoundingRecord, signatures: SignedFounding['signatures']): void {
    const id = clusterIdOf(record, this.#deps.hash);
    this.#held = { id, record, signatures, reasons: new Map() };
  }

  #isOnDisk(): boolean {
    return this.#phase !== 'looking' && this.#phase !== 'signing';
  }

  // ---- what is said ----

  #sighting(): Sighting | null {
    const { expect } = this.#options;
    if (expect === null) return null;
    const sees = this.#empty()
      .map(({ peerId, incarnation }) => ({ peerId, incarnation }))
      .sort((one, other) => (one.peerId < other.peerId ? -1 : 1));
    const isSigned = this.#held !== null;
    return { expect, sawCluster: this.#foreign !== null, isSigned, sees };
  }

  #tellChange(): void {
    const sighting = this.#sighting();
    if (sighting === null) return;
    const told = JSON.stringify([sighting, this.#self.incarnation]);
    if (told === this.#told) return;
    this.#told = told;
    this.#tell(sighting);
  }

  #tell(sighting: Sighting): void {
    const to = this.#empty().map(({ peerId }) => peerId);
    if (to.length > 0) this.#outputs.push({ type: 'tell', to, sighting });
  }

  #repeat(): void {
    if (this.#phase === 'over') return;
    if (this.#now - this.#repeatedAt < this.#options.repeatMillis) return;
    this.#repeatedAt = this.#now;
    const sighting = this.#sighting();
    if (sighting !== null) this.#tell(sighting);
    if (this.#phase === 'signed') this.#offerToAll();
  }

  #offerToAll(): void {
    for (const peerId of this.#seen.keys()) this.#offerTo(peerId);
  }

  /** Offers to a founder, and to anybody of the cluster that the record has become. */
  #offerTo(peerId: string): void {
    const held = this.#held;
    if (held === null || !this.#isOnDisk() || this.#phase === 'renewing') return;
    const isFounder = founderId(held.record, peerId) > 0;
    if (!isFounder && this.#seen.get(peerId)?.clusterId !== held.id) return;
    this.#outputs.push({ type: 'offer', to: peerId, founding: plain(held) });
  }

  #refuse(to: string, recordId: string, never: boolean, reason: string): void {
    this.#outputs.push({ type: 'refuse', to, recordId, never, reason });
  }
}

function plain({ record, signatures }: SignedFounding): SignedFounding {
  return { record, signatures };
}

/** Whether the record names this life of the server. */
function names(record: FoundingRecord, { peerId, incarnation }: Founder): boolean {
  return record.founders.some(
    (founder) => founder.peerId === peerId && founder.incarnation === incarnation,
  );
}
