/**
 * No member votes twice in a term, over all its lives, and no promise leaves a server before its
 * disk has it: neither a vote nor an acknowledgement. Looked at where messages are handed to the
 * network, so the driver that holds them back is judged too.
 */

import type { Message } from '../../src/raft/messages.js';
import type { HardState, MemberId } from '../../src/raft/types.js';
import { nobody } from '../../src/raft/types.js';
import type { Shadow } from './shadow.js';
import { demand } from './violation.js';

/** Checks votes and acknowledgements where they are sent. */
export class VoteChecker {
  readonly #votes = new Map<number, MemberId>();

  /** A vote is on disk. */
  hardState(shadow: Shadow, { term, vote }: HardState): void {
    demand(
      term >= shadow.hardState.term,
      () => `${shadow.name}: the term falls on disk to ${term}`,
    );
    if (vote !== nobody) this.#vote(shadow, term, vote);
  }

  /** A message leaves. */
  sent(shadow: Shadow, message: Message): void {
    const { name, disk, hardState } = shadow;
    if (message.type === 'voteReply') {
      if (message.preVote || !message.granted) return;
      this.#vote(shadow, message.term, message.to);
      const isOnDisk = hardState.term === message.term && hardState.vote === message.to;
      demand(
        isOnDisk || hardState.term > message.term,
        () => `${name} gives its vote of term ${message.term} before that is on disk`,
      );
    } else if (message.type === 'appendReply' && message.ok) {
      demand(
        disk.lastIndex >= message.index,
        () => `${name} acknowledges ${message.index}, its disk ends at ${disk.lastIndex}`,
      );
      demand(
        hardState.term >= message.term,
        () => `${name} acknowledges in term ${message.term} before that is on disk`,
      );
    }
  }

  #vote(shadow: Shadow, term: number, vote: MemberId): void {
    const key = shadow.id * 0x1_0000 + term;
    const before = this.#votes.get(key);
    demand(
      before === undefined || before === vote,
      () => `${shadow.name} votes twice in term ${term}: for ${before} and ${vote}`,
    );
    this.#votes.set(key, vote);
  }
}
