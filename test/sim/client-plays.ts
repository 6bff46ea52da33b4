/**
 * Plays about clients: one dies with calls open and another takes its place; or the connection
 * breaks in the middle of a window of writes, its own or the one over which a follower passes them
 * on to the leader.
 */

import type { Part, Stage } from './stage.js';
import type { SimClient } from './workload.js';

const askMillisMax = 3000;

/** A client that has asked just now and has `least` calls open. */
function* asking(least: number): Part<SimClient | null> {
  const sight = yield {
    until: (seen) => seen.type === 'asked' && seen.client.open >= least,
    millis: askMillisMax,
  };
  return sight?.type === 'asked' ? sight.client : null;
}

/** See the head of the file. */
export function* killClient(stage: Stage): Part<void> {
  const { rng, world } = stage;
  const client = yield* asking(rng.between(1, 4));
  if (client === null) return;
  // The question is not sent yet, is under way, or has come half its way.
  yield* stage.pause(rng.below(3) === 0 ? 0 : rng.below(4000) / 1000);
  if (client.open === 0) return;
  stage.mark('client died');
  world.replaceClient(client);
}

/** See the head of the file. */
export function* breakWindow(stage: Stage): Part<void> {
  const { rng, world } = stage;
  for (let times = rng.between(1, 3); times > 0; times--) {
    const client = yield* asking(rng.between(1, 3));
    if (client === null) return;
    yield* stage.pause(rng.below(3000) / 1000);
    const server = world.hosts.find(({ address }) => address === client.address);
    const leader = stage.hostOf(stage.leader() ?? undefined);
    if (server === undefined || client.open === 0) continue;
    const isPassedOn = leader !== null && leader !== server;
    stage.mark('link broke within a window');
    if (isPassedOn && rng.below(2) === 0) {
      stage.note(`the link of ${server.name} and ${leader.name} breaks`);
      world.network.breakBetween(server.number, leader.number);
    } else {
      stage.note(`the link of ${client.name} and ${server.name} breaks`);
      world.network.breakBetween(client.host, server.number);
    }
  }
}
