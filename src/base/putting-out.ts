/**
 * Whether a member that was taken out of the configuration may come back by itself. The reason of
 * the configuration says so, at its end, where no name of a server can stand; so every server reads
 * it from the log alike, and an entry that does not say it means no.
 *
 * Whom the planner put out (dead for too long, stuck, replaced) may; whom an operator removed, and
 * who left by its own wish, may not.
 */

const mark = '; it may join again';

/** The reason of a change by which the planner puts somebody out. */
export function reasonOfPuttingOut(reason: string): string {
  return reason + mark;
}

/** Whether who was taken out for this reason may join again by itself. */
export function mayRejoin(reason: string): boolean {
  return reason.endsWith(mark);
}
