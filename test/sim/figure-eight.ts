/**
 * Raft's Figure 8, played on purpose: a leader appends to a minority and is cut off; another is
 * elected and keeps its first entry to itself; the first comes back, brings its old entries to a
 * majority, but nothing of its new term; then it is gone, and the other returns with a log that is
 * more up to date. A leader that counted copies of old entries has told of what is now overwritten.
 * Now and then the first comes back early instead, while it has entries where others are committed.
 * Source: Raft thesis 3.6.2. The words of the script are those of its figure.
 */

import { moreThanHalf } from './majorities.js';
import type { Shadow } from './shadow.js';
import type { SimHost } from './sim-host.js';
import type { Part, Stage } from './stage.js';

/** How many longest election timeouts an election may take before the play is given up. */
const electionsMax = 4;

/** How long a play waits for a client's command, milliseconds. */
const appendMillisMax = 6000;

/** The servers of a play. */
interface Cast {
  /** The first leader and whom its entry reaches: a minority. */
  readonly few: readonly SimHost[];
  readonly many: readonly SimHost[];
}

/** See the head of the file. */
export function* figureEight(stage: Stage): Part<void> {
  let cast: Cast | null = null;
  const first = yield* stage.appends(appendMillisMax, (shadow, entries, leads) => {
    if (!leads || entries[0]?.kind !== 'command') return false;
    cast = castOf(stage, shadow);
    return cast !== null;
  });
  if (first === null || cast === null) return;
  const { few, many }: Cast = cast;
  const patience = electionsMax * stage.electionMillis;
  stage.note(`figure 8: ${first.name} keeps its entry to few`);
  stage.cut(few, stage.others(few));
  const rival = yield* stage.election(patience, (one) => isIn(stage, one, many));
  const rivalHost = stage.hostOf(rival ?? undefined);
  if (rival === null || rivalHost === null) return;
  if (stage.rng.below(3) === 0) return yield* comeBackEarly(stage, rival, few);
  const { term } = rival;
  stage.cut([rivalHost], stage.others([rivalHost]));
  yield* stage.writes(1000, (one) => one === rival && lastTerm(one) === term);
  stage.heal();
  stage.cut([rivalHost], stage.others([rivalHost]));
  const again = yield* stage.election(patience, (one) => one !== rival && one.term > term);
  if (again === null || !isIn(stage, again, few)) return;
  yield* spreadOldEntries(stage, again, { few, many: many.filter((host) => host !== rivalHost) });
  stage.heal();
  stage.cut(few, stage.others(few));
  yield* stage.election(patience, (one) => isIn(stage, one, many) && one.term > again.term);
  yield* stage.pause(stage.rng.below(500));
}

/**
 * Instead of the figure: the first leader comes back as soon as the other has committed something,
 * with entries of its own at the same places, and over a new connection: what it hears first is no
 * append that would set it right.
 */
function* comeBackEarly(stage: Stage, rival: Shadow, few: readonly SimHost[]): Part<void> {
  const { checkers, network } = stage.world;
  const isDone = (): boolean =>
    checkers.commits.commitMax <= rival.commit && rival.memory.term(rival.commit) === rival.term;
  yield* stage.writes(stage.electionMillis, isDone);
  const host = stage.hostOf(rival);
  if (host === null || !isDone()) return;
  stage.mark('deposed leader came back early');
  for (const each of few) network.breakBetween(each.number, host.number);
  stage.heal();
  yield* stage.pause(stage.electionMillis);
}

/** The leader and fewer than half of the voters, by chance; null: too few of them are up. */
function castOf(stage: Stage, leader: Shadow): Cast | null {
  const { voters, votersOutgoing } = leader.configuration;
  const hosts = stage.hostsOf(voters);
  const self = stage.hostOf(leader);
  if (votersOutgoing.length > 0 || self === null || hosts.length < 3) return null;
  const needed = moreThanHalf(voters.length);
  const mates = stage.shuffled(hosts.filter((host) => host !== self));
  const few = [self, ...mates.splice(0, stage.rng.below(needed - 1))];
  return mates.length >= needed || hosts.length === 3 ? { few, many: mates } : null;
}

/**
 * As soon as a majority has an entry of an old term, and nothing of the leader's own, the leader
 * can send no more. What it is told then it hears, and commits if it counts such entries.
 */
function* spreadOldEntries(stage: Stage, leader: Shadow, { few, many }: Cast): Part<void> {
  const host = stage.hostOf(leader);
  if (host === null) return;
  const needed = moreThanHalf(leader.configuration.voters.length);
  const chosen = stage.shuffled(many).slice(0, Math.max(1, needed - few.length));
  const reached = [...few, ...chosen];
  stage.cut(few, stage.others(reached));
  const isSpread = (one: Shadow): boolean =>
    isIn(stage, one, chosen) && isOldOnMost(stage, leader, one);
  const hit = yield* stage.writes(2 * stage.electionMillis, isSpread);
  if (hit === null) return;
  stage.mark('old term entry on a majority');
  for (const other of stage.others([host])) stage.block(host, other);
  const { latencyMillisMin, latencyMillisSpread } = stage.world.network.habits;
  yield* stage.pause(2 * (latencyMillisMin + latencyMillisSpread) + stage.rng.below(20));
}

/** Whether the newest entry on a disk is the leader's, uncommitted, old, and most disks have it. */
function isOldOnMost(stage: Stage, leader: Shadow, { disk }: Shadow): boolean {
  const { checkers } = stage.world;
  const index = disk.lastIndex;
  if (index <= checkers.commits.commitMax || index > leader.memory.lastIndex) return false;
  const hash = leader.memory.hash(index);
  if (leader.memory.term(index) >= leader.term) return false;
  const { voters } = leader.configuration;
  const holding = voters.filter((id) => {
    const log = checkers.shadows.get(id)?.disk;
    return log !== undefined && log.lastIndex >= index && log.hash(index) === hash;
  });
  return holding.length >= moreThanHalf(voters.length);
}

function lastTerm({ disk }: Shadow): number {
  return disk.term(disk.lastIndex);
}

function isIn(stage: Stage, shadow: Shadow, hosts: readonly SimHost[]): boolean {
  const host = stage.hostOf(shadow);
  return host !== null && hosts.includes(host);
}
