/**
 * What servers say of themselves reaches all, with real replicas, logs and gossip in a false world:
 * who stands by, which only the leader knows, and whose disk is slow. A process that slept has no
 * slow disk.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import { watch } from './hooks.js';
import { calmSwarm } from './many-servers.js';
import { inMacroTask } from './scheduler.js';
import type { SimHost } from './sim-host.js';
import { World } from './world.js';

/** No wait in here is longer, milliseconds of virtual time. */
const patienceMillis = 60_000;

/** Four servers at rest: three vote, one stands by; a client writes once a second. */
class Stage {
  readonly world: World;

  constructor(seed: number) {
    const options = { seed, seconds: 0, servers: 4, without: new Set<never>(), traceLines: 0 };
    this.world = new World(options, calmSwarm(4));
    watch(this.world.checkers);
    this.world.populate();
    this.until(() => this.seesAll(({ members }) => members.length === 4), 'four members');
  }

  get up(): readonly SimHost[] {
    return this.world.hosts.filter(({ isUp }) => isUp);
  }

  /** Whether the status of every server that is up is so. */
  seesAll(isSo: (status: ClusterStatus) => boolean): boolean {
    return this.up.every((host) => {
      const status = statusOf(host);
      return status !== undefined && isSo(status);
    });
  }

  /** How long it took, milliseconds. */
  until(isSo: () => boolean, what: string): number {
    const { world } = this;
    const begunMillis = world.scheduler.nowMillis;
    while (!isSo()) {
      assert.ok(world.scheduler.nowMillis - begunMillis < patienceMillis, `never ${what}`);
      this.pass(10);
    }
    return world.scheduler.nowMillis - begunMillis;
  }

  pass(millis: number): void {
    this.world.runTo(this.world.scheduler.nowMillis + millis);
  }
}

function statusOf({ server }: SimHost): ClusterStatus | undefined {
  return server?.replica?.status();
}

/** Runs `work` where the scheduler can drain promises, and looks on. */
function stageTest(name: string, work: (stage: Stage) => void): void {
  test(name, () =>
    inMacroTask(() => {
      try {
        work(new Stage(7));
      } finally {
        watch(null);
      }
    }),
  );
}

/** Who stands by, in one server's view. */
function standbys({ members }: ClusterStatus): readonly string[] {
  return members.filter(({ role }) => role === 'standby').map(({ name }) => name);
}

stageTest('every server knows who stands by; while nobody leads, nobody does', (stage) => {
  const leads = (host: SimHost): boolean => statusOf(host)?.self.role === 'leader';
  const leader = (): SimHost | undefined => stage.up.find(leads);
  const hasOne = (): boolean => stage.seesAll((status) => standbys(status).length === 1);
  const told = (): SimHost[] =>
    stage.up.filter((host) => {
      const status = statusOf(host);
      return status !== undefined && standbys(status).length === 1;
    });
  stage.until(() => told().some(leads), 'known to the leader');
  // A look a second, and then a publication.
  assert.ok(stage.until(hasOne, 'known to all') <= 1500);
  const names = new Set(stage.up.map((host) => standbys(statusOf(host) as ClusterStatus).join()));
  assert.is(names.size, 1);
  const old = leader();
  assert.ok(old !== undefined);
  old.kill(false);
  const isLeaderless = (): boolean => stage.seesAll(({ leader: next }) => next === null);
  stage.until(isLeaderless, 'without a leader');
  assert.equal(told(), []);
  stage.until(() => leader() !== undefined, 'another leader');
  stage.until(hasOne, 'known to all again');
});

stageTest('a slow disk is known to all, and that it is well again', (stage) => {
  const [victim] = stage.up.filter((host) => statusOf(host)?.self.role === 'follower');
  assert.ok(victim !== undefined);
  const isTold = (word: string) => (): boolean =>
    stage.seesAll(({ members }) =>
      members.every(({ peerId, disk }) => disk === (peerId === victim.life.peerId ? word : 'well')),
    );
  stage.until(isTold('well'), 'all well');
  victim.habits.syncMillisMin = 300;
  assert.ok(stage.until(isTold('slow'), 'slow to all') < 10_000);
  victim.habits.syncMillisMin = 0.5;
  assert.ok(stage.until(isTold('well'), 'well again to all') < 15_000);
});

stageTest('who slept, also with a write under way, has no slow disk', (stage) => {
  const isWell = (): boolean =>
    stage.seesAll(({ members }) => members.every(({ disk }) => disk === 'well'));
  for (const host of stage.up) {
    host.habits.syncMillisMin = 40;
    for (let i = 0; i < 5; i++) {
      stage.pass(170);
      host.process?.pause(5000);
      stage.pass(5000);
      for (let looks = 0; looks < 15; looks++) {
        stage.pass(100);
        assert.ok(isWell(), host.name);
      }
    }
    host.habits.syncMillisMin = 0.5;
  }
});

test.run();
