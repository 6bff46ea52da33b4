/**
 * What the operator wants of the membership: plain data that the planner reads. Defaults are those
 * of MEMBERSHIP's rules; every wait is in milliseconds of the leader's monotonic clock.
 */

/** The operator's wishes. */
export interface MembershipPolicy {
  /** How many voters to rest at when there are members enough; odd. @default 5 */
  readonly votersWanted: number;
  /** How long a learner must have been well, and a leader have led, before it counts. @default
   * 5000 */
  readonly stabilisationMillis: number;
  /** How many entries a learner may lag and still be called caught up. @default 4096 */
  readonly lagEntriesMax: number;
  /** How many learners may catch up at once; more applicants wait. @default 3 */
  readonly learnersCatchingUpMax: number;
}

/** Five voters, promoted after five seconds of good health. */
export const defaultPolicy: MembershipPolicy = Object.freeze({
  votersWanted: 5,
  stabilisationMillis: 5000,
  lagEntriesMax: 4096,
  learnersCatchingUpMax: 3,
});
