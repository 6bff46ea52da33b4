/**
 * Coverage marks: rare events that a batch of runs must have met, or it proves less than it seems
 * to.
 */

/** Every mark; a batch that is large enough fails when one of them was never hit. */
export const markNames = [
  'leader elected',
  'leader crashed',
  'log truncated',
  'uncommitted configuration truncated',
  'leader with entries not yet committed',
  'joint change committed',
  'member removed',
  'leader removed',
  'leader transferred',
  'member joined',
  'wiped server came back',
  'restart met its old connection',
  'torn tail cut',
  'write survived the crash it was in',
  'crash during recovery',
  'power cut',
  'all servers crashed',
  'disk failed',
  'disk full',
  'disk full ridden out',
  'leader handed over for its full disk',
  'damage detected at opening',
  'entries fetched from disk',
  'session command repeated',
  'command out of order',
  'condition of a write failed',
  'write with unknown outcome',
  'unknown write was done',
  'linearizable read answered',
  'stale read was old',
  'client moved to another server',
  'server told of its removal',
  'process paused beyond an election',
  'follow went on after a loss',
  'a mere majority went on',
  'history judged',
  'old term entry on a majority',
  'deposed leader came back early',
  'cut along a configuration change',
  'change asked for past the planner',
  'leader crashed with an append under way',
  'client died',
  'link broke within a window',
  'damage before whole batches',
  'founded together',
  'crash while founding',
  'founder lost while founding',
  'founding begun anew',
  'founding cured by the operator',
  'fenced writer refused',
  'record for a sealed view refused',
  'view opened',
  'retention trimmed a stream',
  'age alone trimmed a stream',
  'read of trimmed records refused',
  'follow overtaken by a trim',
  'snapshot written',
  'started from a snapshot',
  'damaged snapshot passed over',
  'snapshot dropped',
  'crash while writing a snapshot',
] as const;

/** The name of a mark. */
export type Mark = (typeof markNames)[number];

/** Counts of one run or of many. */
export class Marks {
  readonly #counts = new Map<Mark, number>();

  hit(mark: Mark): void {
    this.#counts.set(mark, (this.#counts.get(mark) ?? 0) + 1);
  }

  /** Pairs of mark and count, those hit. */
  entries(): readonly (readonly [Mark, number])[] {
    return [...this.#counts];
  }

  count(mark: Mark): number {
    return this.#counts.get(mark) ?? 0;
  }

  /** Adds the counts of another run. */
  add(entries: readonly (readonly [Mark, number])[]): void {
    for (const [mark, count] of entries) {
      this.#counts.set(mark, (this.#counts.get(mark) ?? 0) + count);
    }
  }
}
