/**
 * Finds what got lost: every few seconds this server sends the hash of its table to one other; who
 * has another hash answers with his digest, and both give each other what the other lacks. While
 * tables are equal this costs one small frame, however many servers there are.
 *
 * Invariant: after two servers have compared, each holds the newer record of every member, and
 * knows of every death that the other knows of.
 */

import type { Liveness } from '../membership/liveness.js';
import { hashOf } from '../membership/ring.js';
import type { RecordTable, Rumour, SignedRecord } from '../membership/table.js';
import type { PeerId } from '../transport/transport.js';
import { digestRowsMax, recordsMax } from '../wire/gossip-codec.js';
import type { DigestRow } from '../wire/gossip-messages.js';
import type { GossipPost } from './gossip-post.js';
import type { OwnRecord } from './own-record.js';

/** Deaths told in one frame. */
const deathsPerFrame = 16;

/** What is compared. */
export interface TableCompareDeps {
  readonly self: PeerId;
  readonly own: OwnRecord;
  readonly table: RecordTable;
  readonly liveness: Liveness;
  readonly post: GossipPost;
  /** Takes a rumour as if `from` had told it. */
  readonly rumour: (rumour: Rumour, from: PeerId) => void;
}

/** See the head of the file. */
export class TableCompare {
  readonly #deps: TableCompareDeps;

  constructor(deps: TableCompareDeps) {
    this.#deps = deps;
  }

  /** Begins a comparison. */
  begin(peer: PeerId): void {
    this.#deps.post.send(peer, { type: 'summary', hash: this.#hash() });
  }

  /** A peer has this hash. */
  summary(peer: PeerId, hash: number): void {
    if (hash === this.#hash()) return;
    this.#deps.post.send(peer, { type: 'digest', rows: this.#rows() });
  }

  /** A peer whose hash is another has these rows. */
  digest(peer: PeerId, rows: readonly DigestRow[]): void {
    const { post, liveness, rumour } = this.#deps;
    const theirs = new Map(rows.map((row) => [row.peerId, row]));
    const lackedHere: PeerId[] = [];
    const lackedThere: PeerId[] = [];
    const deaths: Rumour[] = [];
    for (const { peerId, sequence, dead } of this.#rows()) {
      const row = theirs.get(peerId);
      if (row === undefined || row.sequence < sequence) lackedThere.push(peerId);
      else if (row.sequence > sequence) lackedHere.push(peerId);
      else if (row.dead && !dead) {
        rumour({ kind: 'dead', subject: peerId, sequence, accuser: peer }, peer);
      } else if (dead && !row.dead) {
        const death = liveness.rumourOf(peerId);
        if (death !== null) deaths.push(death);
      }
    }
    if (lackedHere.length > 0) post.send(peer, { type: 'want', peerIds: lackedHere });
    this.sendRecords(peer, lackedThere);
    while (deaths.length > 0) post.tell(peer, [], deaths.splice(0, deathsPerFrame));
  }

  /** Sends the records of these, as far as they are held, with what is said against them. */
  sendRecords(peer: PeerId, wanted: Iterable<PeerId>): void {
    const { self, own, table, post } = this.#deps;
    const records: SignedRecord[] = [];
    for (const peerId of wanted) {
      const record = peerId === self ? own.signed : table.get(peerId);
      if (record !== undefined) records.push(record);
    }
    while (records.length > 0) post.tell(peer, records.splice(0, recordsMax));
  }

  #rows(): readonly DigestRow[] {
    const { self, own, table, liveness, post } = this.#deps;
    const rows = post.members.map((peerId) => {
      const dead = liveness.stateOf(peerId) === 'dead';
      return { peerId, sequence: table.sequenceOf(peerId), dead };
    });
    return [{ peerId: self, sequence: own.sequence, dead: false }, ...rows].slice(0, digestRowsMax);
  }

  /** The order of rows does not count: each server begins with itself. */
  #hash(): number {
    let sum = 0;
    for (const { peerId, sequence, dead } of this.#rows()) {
      sum = (sum + hashOf(`${peerId} ${sequence} ${dead}`)) >>> 0;
    }
    return sum;
  }
}
