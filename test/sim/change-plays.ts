/**
 * Plays about membership. `changeCut` waits until a configuration is in a log and not committed,
 * and then cuts along the old and the new voters, so that each side could decide if it went by the
 * wrong ones. `rashPlan` asks a core for changes at the worst moments, past the planner: right
 * after its election, in the middle of a change, to even numbers of voters.
 * Source: Raft thesis 4.1, 4.3; the bug of 2015.
 */

import type { Configuration } from '../../src/raft/types.js';
import { moreThanHalf } from './majorities.js';
import type { Shadow } from './shadow.js';
import type { SimHost } from './sim-host.js';
import type { Part, Stage } from './stage.js';

const changeMillisMax = 5000;

/** The old voters, and the new ones. */
interface Sets {
  readonly old: readonly number[];
  readonly next: readonly number[];
}

/** A configuration that was entered just now. */
interface Entered extends Sets {
  readonly leader: Shadow;
  readonly index: number;
}

/** Waits until a leader enters a configuration. */
function* entered(stage: Stage): Part<Entered | null> {
  let sets: Sets | null = null;
  let index = 0;
  const leader = yield* stage.appends(changeMillisMax, (shadow, entries, leads) => {
    const entry = leads ? entries.find(({ configuration }) => configuration !== null) : undefined;
    if (!entry?.configuration) return false;
    sets = setsOf(shadow.configuration, entry.configuration);
    index = entry.index;
    return true;
  });
  if (leader === null || sets === null) return null;
  const { old, next }: Sets = sets;
  return { leader, index, old, next };
}

function setsOf(before: Configuration, after: Configuration): Sets {
  if (after.votersOutgoing.length > 0) return { old: after.votersOutgoing, next: after.voters };
  const old = before.votersOutgoing.length > 0 ? before.votersOutgoing : before.voters;
  return { old, next: after.voters };
}

/** See the head of the file. */
export function* changeCut(stage: Stage): Part<void> {
  const { rng } = stage;
  const asked = stage.leader();
  if (asked !== null && rng.below(3) > 0) stage.askChange(asked);
  const change = yield* entered(stage);
  if (change === null) return;
  const { leader, index } = change;
  const oldSide = oldSideOf(stage, change);
  const newSide = stage.others(oldSide);
  if (oldSide.length === 0 || newSide.length === 0) return;
  stage.note(`${leader.name} entered configuration ${index}`);
  stage.cut(oldSide, newSide);
  stage.mark('cut along a configuration change');
  const fate = rng.below(4);
  // Sent, and perhaps arrived, before its own disk has it.
  if (fate === 0) yield* stage.pause(rng.below(1500) / 1000);
  else yield* stage.writes(200, (one) => holds(one, index, leader) && one !== leader);
  yield* endLeader(stage, leader, fate);
  const patience = 3 * stage.electionMillis;
  const { term } = leader;
  const first = yield* stage.election(patience, (one) => one.term > term);
  if (first !== null) yield* stage.election(patience, (one) => one !== first);
  if (rng.below(2) === 0) return;
  // The other way round: those who were apart meet, and those who met are apart.
  stage.heal();
  const half = stage.shuffled(stage.hostsOf(change.next));
  const side = half.slice(0, Math.ceil(half.length / 2));
  stage.cut(side, stage.others(side));
  yield* stage.election(patience, () => true);
  yield* stage.pause(rng.below(1000));
}

/** What becomes of the leader: it loses power, is killed and comes back, stays down, or lives. */
function* endLeader(stage: Stage, leader: Shadow, fate: number): Part<void> {
  const host = stage.hostOf(leader);
  if (host === null || fate === 3) return;
  if (fate === 2) {
    stage.takeDown(host, stage.rng.below(2) === 0);
    return;
  }
  host.kill(fate === 0);
  if (stage.rng.below(2) === 0) yield* stage.pause(stage.rng.below(1000));
  host.start();
}

/**
 * Enough of the old voters to decide by the old configuration (or exactly half of them, when they
 * are even), those first who are not among the new; the leader only when there is no other way.
 */
function oldSideOf(stage: Stage, { old, next, leader }: Entered): SimHost[] {
  const rank = (id: number): number => (next.includes(id) ? 1 : 0) + (id === leader.id ? 2 : 0);
  const ids = stage.shuffled(old).sort((a, b) => rank(a) - rank(b));
  const isHalf = old.length % 2 === 0 && stage.rng.below(2) === 0;
  const count = isHalf ? old.length / 2 : moreThanHalf(old.length);
  return stage.hostsOf(ids.slice(0, count));
}

function holds({ disk }: Shadow, index: number, leader: Shadow): boolean {
  return disk.lastIndex >= index && disk.hash(index) === leader.memory.hash(index);
}

/** See the head of the file. */
export function* rashPlan(stage: Stage): Part<void> {
  const { rng } = stage;
  const moment = rng.below(3);
  let leader = stage.leader();
  if (moment === 0) {
    if (leader !== null && rng.below(2) === 0) stage.hostOf(leader)?.kill(false);
    leader = yield* stage.election(changeMillisMax, () => true);
  } else if (moment === 1) {
    if (leader !== null) stage.askChange(leader);
    leader = (yield* entered(stage))?.leader ?? null;
  }
  if (leader === null) return;
  const { id } = leader;
  // Nothing is committed for a while, and nobody is taken for dead.
  const slow = stage.hostsOf(leader.configuration.voters.filter((voter) => voter !== id));
  if (moment < 2) stage.slowDown(slow, rng.between(20, 600));
  for (let times = rng.between(1, 4); times > 0; times--) {
    if (!leader.leads || stage.hostOf(leader) === null) break;
    stage.askChange(leader);
    stage.mark('change asked for past the planner');
    yield* stage.pause(rng.below(150));
  }
  yield* stage.pause(rng.below(600));
}
