/**
 * The promise of sessions, by trial: whatever is lost, refused, delayed, cut or killed, each append
 * that the client made is in the stream exactly once, in the order of the calls, and each caller is
 * told its own place. The machine and the front are the real ones; the network lies.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ErrorCode } from '../../src/base/errors.js';
import { Rng } from '../../src/base/rng.js';
import type { AppendResult } from '../../src/client/calls.js';
import { type Fate, MemoryCluster } from './memory-cluster.js';
import { VirtualClock } from './virtual-clock.js';

const addresses = ['a:1', 'b:1', 'c:1'];
const seeds = Number(process.env['SEEDS'] ?? 300);

const codes: readonly ErrorCode[] = [
  'LEADER_CHANGED',
  'NO_LEADER',
  'NOT_LEADER',
  'OVERLOADED',
  'STOPPING',
  'TIMEOUT',
  'DISCONNECTED',
];

/** Fates with losses of so many in a thousand. */
function fateOf(rng: Rng, losses: number): Fate {
  if (rng.below(1000) >= losses) return 'done';
  const kind = rng.below(4);
  if (kind === 0) return 'lost';
  if (kind === 1) return 'mute';
  const code = codes[rng.below(codes.length)] as ErrorCode;
  return { code, message: code };
}

async function run(seed: number): Promise<void> {
  const rng = new Rng(seed);
  const clock = new VirtualClock();
  const cluster = new MemoryCluster(clock, addresses, { recordBytesMax: 5000 });
  const total = 200;
  let isHealed = false;
  const losses = rng.between(1, 300);
  cluster.fate = () => (isHealed ? 'done' : fateOf(rng, losses));
  const client = cluster.client({
    timeoutMillis: 100_000_000,
    groupRecordsMax: rng.between(1, 4),
    inflightCommandsMax: rng.between(1, 64),
    attemptTimeoutMillis: 200,
    preferLeader: rng.below(2) === 0,
  });
  const calls: Promise<AppendResult | null>[] = [];
  const disturb = (): void => {
    if (isHealed) return;
    const address = addresses[rng.below(addresses.length)] as string;
    const server = cluster.servers.get(address);
    const kind = rng.below(8);
    if (kind === 0) cluster.cut(address);
    else if (kind === 1) cluster.kill(address);
    else if (kind === 2) cluster.leader = address;
    else if (server && kind === 3) server.isPaused = true;
    else if (server) {
      server.isUp = true;
      server.isPaused = false;
    }
    clock.after(rng.between(1, 300), disturb);
  };
  clock.after(1, disturb);
  const wanted: string[] = [];
  while (calls.length < total) {
    for (let burst = rng.between(1, 20); burst > 0; burst--) {
      const text = `r${calls.length}`;
      if (rng.below(50) === 0) {
        // One that no server takes: it must fail alone.
        calls.push(client.append('x'.repeat(6000)).then(unexpected, () => null));
        continue;
      }
      wanted.push(text);
      calls.push(client.append(text));
    }
    await clock.pass(rng.between(0, 60));
  }
  await clock.pass(5000);
  isHealed = true;
  for (const server of cluster.servers.values()) {
    server.isUp = true;
    server.isPaused = false;
  }
  const results = await clock.until(Promise.all(calls), 600_000);
  assert.equal(cluster.texts(), wanted);
  const seqs = results.filter((result) => result !== null).map((result) => result.seq);
  assert.equal(
    seqs,
    wanted.map((_, i) => i + 1),
  );
  await clock.until(client.close());
}

function unexpected(): null {
  throw new Error('a record over the limit was taken');
}

test(`every append once and in order, ${seeds} seeds`, async () => {
  const first = Number(process.env['SEED'] ?? 1);
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      await run(seed);
    } catch (error) {
      throw new Error(`SEED=${seed} SEEDS=1: ${String(error)}`, { cause: error });
    }
  }
});

test.run();
