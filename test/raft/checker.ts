/**
 * Raft's promises, checked after every effect: election safety, one vote a term, log matching,
 * leader append-only, leader completeness, committed entries that stay, durability on a quorum of
 * disks, reads that see what was committed before them. Each is O(1) an event by a hash of every
 * prefix.
 */

import { strict as assert } from 'node:assert';
import type { Effect } from '../../src/raft/effects.js';
import type { Message } from '../../src/raft/messages.js';
import { majority } from '../../src/raft/quorum.js';
import type { Configuration, Entry, Index, MemberId } from '../../src/raft/types.js';
import type { FakeServer } from './fake-server.js';

function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

/** Watches all servers of one world. */
export class Checker {
  readonly servers = new Map<MemberId, FakeServer>();
  /** Hash of the prefix that ends with each entry, by the entry itself. */
  readonly #hashes = new WeakMap<Entry, number>();
  readonly #prefixes = new Map<string, number>();
  readonly #leaders = new Map<number, MemberId>();
  readonly #votes = new Map<string, MemberId>();
  readonly #committed: number[] = [];
  readonly #reads = new Map<number, Index>();
  readonly #answered = new Set<number>();
  /** Largest index that anybody applied. */
  commitMax: Index = 0;
  elections = 0;
  reads = 0;
  cuts = 0;

  /** Where logs begin: `baseIndex` entries that nobody has as such. */
  constructor(baseIndex: Index) {
    this.commitMax = baseIndex;
  }

  /** A read begins: its answer must not be older than what is applied somewhere now. */
  readBegins(ref: number): void {
    this.#reads.set(ref, this.commitMax);
  }

  effect(server: FakeServer, effect: Effect): void {
    switch (effect.type) {
      case 'persist':
        if (effect.truncateFrom !== null) {
          this.cuts++;
          assert.notEqual(server.status.role, 'leader', 'leader append-only');
          assert.ok(effect.truncateFrom > server.appliedIndex, 'nothing applied is cut');
        }
        this.#hash(server, effect.entries, effect.truncateFrom);
        return;
      case 'roleChanged':
        if (effect.role === 'leader') this.#elected(server, effect.term);
        return;
      case 'answerRead': {
        const least = this.#reads.get(effect.ref);
        assert.ok(
          least !== undefined && !this.#answered.has(effect.ref),
          'a read is answered once',
        );
        assert.ok(effect.index >= least, `read ${effect.ref} is stale: ${effect.index} < ${least}`);
        this.#answered.add(effect.ref);
        this.reads++;
        return;
      }
      default:
    }
  }

  sent(server: FakeServer, message: Message): void {
    if (message.type !== 'voteReply' || message.preVote || !message.granted) return;
    const key = `${server.id}/${message.term}`;
    const before = this.#votes.get(key);
    assert.ok(before === undefined || before === message.to, 'one vote a term');
    assert.ok(server.hardState.term >= message.term, 'a vote is on disk before it is said');
    this.#votes.set(key, message.to);
  }

  applied(server: FakeServer, entry: Entry): void {
    const hash = this.#hashes.get(entry);
    assert.ok(hash !== undefined, 'an applied entry was written');
    const known = this.#committed[entry.index];
    if (known === undefined) {
      this.#committed[entry.index] = hash;
      this.#durable(server, entry.index, hash);
    } else {
      assert.equal(hash, known, `server ${server.id} applies another entry at ${entry.index}`);
    }
    this.commitMax = Math.max(this.commitMax, entry.index);
  }

  #hash(server: FakeServer, entries: readonly Entry[], cutFrom: Index | null): void {
    const first = entries[0];
    if (first === undefined) return;
    // The image is written after this; what precedes the first entry is there already.
    const { base, entries: written } = server.image;
    const end = cutFrom ?? base.index + written.length + 1;
    assert.equal(first.index, end, 'entries follow what is written');
    const previous = written[first.index - base.index - 2];
    let hash = previous === undefined ? this.#baseHash(base.index) : this.#hashes.get(previous)!;
    for (const entry of entries) {
      hash = mix(mix(mix(hash, entry.index), entry.term), entry.kind === 'command' ? 1 : 2);
      for (const byte of entry.data) hash = mix(hash, byte);
      if (entry.configuration !== null) {
        for (const id of entry.configuration.voters) hash = mix(hash, id);
      }
      this.#hashes.set(entry, hash);
    }
  }

  /**
   * Log matching, from the disk on: what an only voter loses in a crash before its first write was
   * seen by nobody, and it may write other entries in the same term.
   */
  written(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const key = `${entry.index}/${entry.term}`;
      const hash = this.#hashes.get(entry)!;
      const known = this.#prefixes.get(key);
      assert.ok(known === undefined || known === hash, `logs do not match at ${key}`);
      this.#prefixes.set(key, hash);
    }
  }

  #baseHash(index: Index): number {
    return this.#committed[index] ?? 0;
  }

  #elected(server: FakeServer, term: number): void {
    const before = this.#leaders.get(term);
    assert.ok(before === undefined || before === server.id, `two leaders in term ${term}`);
    if (before !== undefined) return;
    this.#leaders.set(term, server.id);
    this.elections++;
    const { base, entries } = server.image;
    assert.ok(base.index + entries.length >= this.commitMax, 'a leader has all that is committed');
    const entry = entries[this.commitMax - base.index - 1];
    if (entry === undefined) return;
    const hash = this.#hashes.get(entry);
    assert.equal(hash, this.#committed[this.commitMax] ?? hash, 'leader completeness');
  }

  /** Counts disks, those of crashed servers too, by the configuration of whoever commits first. */
  #durable(server: FakeServer, index: Index, hash: number): void {
    const { configuration } = server.status;
    for (const voters of [configuration.voters, configuration.votersOutgoing]) {
      if (voters.length === 0) continue;
      const holding = voters.filter((id) => this.#holds(id, index, hash)).length;
      const enough = holding >= majority(voters.length);
      assert.ok(enough, `index ${index} is committed with ${holding} of ${voters.length} disks`);
    }
  }

  #holds(id: MemberId, index: Index, hash: number): boolean {
    const server = this.servers.get(id);
    if (server === undefined) return false;
    const { base, entries } = server.durable;
    if (index <= base.index) return true;
    const entry = entries[index - base.index - 1];
    return entry !== undefined && this.#hashes.get(entry) === hash;
  }
}

/** The configuration that n founders begin with: members 1 … n, all voters. */
export function founders(count: number): Configuration {
  const ids = Array.from({ length: count }, (_, i) => i + 1);
  return {
    voters: ids,
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    members: ids.map((id) => ({ id, peerId: `p${id}`, incarnation: `i${id}`, name: `s${id}` })),
    reason: 'founding',
  };
}
