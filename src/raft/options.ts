/**
 * The options of the Raft core: plain data, validated once, frozen ever after. Times are ticks;
 * what a tick lasts is the driver's business (the server makes it a fifth of its heartbeat
 * interval).
 */

/** Every knob of the core; all are required, `raftOptionsDefault` has the usual values. */
export interface RaftOptions {
  /** Fewest ticks without a leader before a campaign; votes are refused for as long. @default 6 */
  readonly electionTicksMin: number;
  /** Most ticks before a campaign; a leader unheard by a quorum for as long resigns. @default 12 */
  readonly electionTicksMax: number;
  /** Ticks between two heartbeats of a leader. @default 1 */
  readonly heartbeatTicks: number;
  /** Most bytes of entries in one append; a single larger entry still goes. @default 512 KiB */
  readonly appendBytesMax: number;
  /** Most entries in one append. @default 4096 */
  readonly appendEntriesMax: number;
  /** Most appends on their way to one follower. @default 64 */
  readonly inflightMessagesMax: number;
  /** Most bytes of entries on their way to one follower. @default 8 MiB */
  readonly inflightBytesMax: number;
  /** Bytes a leader takes in ahead of their commit before it says OVERLOADED. @default 64 MiB */
  readonly uncommittedBytesMax: number;
  /**
   * Memory for entries that are applied and on disk, for followers a little behind. @default 32 MiB
   */
  readonly tailBytesMax: number;
  /** Ticks after which an unfinished transfer is given up. @default 12 */
  readonly transferTicksMax: number;
}

/** The defaults; their evidence is that of the systems users know (etcd's ratio of 1 to 10). */
export const raftOptionsDefault: RaftOptions = Object.freeze({
  electionTicksMin: 6,
  electionTicksMax: 12,
  heartbeatTicks: 1,
  appendBytesMax: 512 * 1024,
  appendEntriesMax: 4096,
  inflightMessagesMax: 64,
  inflightBytesMax: 8 * 1024 * 1024,
  uncommittedBytesMax: 64 * 1024 * 1024,
  tailBytesMax: 32 * 1024 * 1024,
  transferTicksMax: 12,
});

/** All faults of the options, one sentence each; empty when they are good. */
export function validateRaftOptions(options: RaftOptions): readonly string[] {
  const faults: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    const least = name === 'tailBytesMax' ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) {
      faults.push(`${name} must be a whole number of at least ${least}, not ${String(value)}`);
    }
  }
  if (options.electionTicksMin <= options.heartbeatTicks) {
    faults.push('electionTicksMin must exceed heartbeatTicks, or every pause is an election');
  }
  if (options.electionTicksMax <= options.electionTicksMin) {
    faults.push('electionTicksMax must exceed electionTicksMin, or two candidates tie for ever');
  }
  return faults;
}
