/**
 * What a secret costs: two clusters of three servers on this machine, one open and one closed, get
 * the same loads turn about, so that whatever else the machine does falls on both. Run by itself:
 * `node --import tsx test/bench/secret-cost.ts`; ROUNDS (5) and SECONDS (2) per load from the
 * environment. Figures of servers' CPU are the ones to trust on a busy machine.
 */

import { randomFillSync } from 'node:crypto';
import * as path from 'node:path';
import type { Client } from '../../src/client/client.js';
import { connect } from '../../src/client/connect.js';
import { readSecretFile, writeNewSecret } from '../../src/server/secret-file.js';
import { play, type Scene } from '../demo/scene.js';
import type { Servers } from '../process/servers.js';
import { medianOf } from './points.js';
import { cpuSeconds } from './process-cost.js';

const rounds = Number(process.env['ROUNDS'] ?? 5);
const seconds = Number(process.env['SECONDS'] ?? 2);

interface Load {
  readonly name: string;
  readonly outstanding: number;
  readonly recordBytes: number;
}

const loads: readonly Load[] = [
  { name: '256 bytes, 1 outstanding', outstanding: 1, recordBytes: 256 },
  { name: '256 bytes, 64 outstanding', outstanding: 64, recordBytes: 256 },
  { name: '64 KiB, 8 outstanding', outstanding: 8, recordBytes: 64 * 1024 },
];

/** A cluster and its client. */
interface Side {
  readonly servers: Servers;
  readonly client: Client;
}

interface Result {
  readonly perSecond: number;
  /** Of all servers, for each record; null where it is not known. */
  readonly cpuMicros: number | null;
}

await play(180_000 + rounds * loads.length * 2 * (seconds * 1000 + 2000), async (scene) => {
  const sides = [await side(scene, false), await side(scene, true)] as const;
  for (const load of loads) {
    const results: [Result[], Result[]] = [[], []];
    for (const one of sides) await run(one, load, 0.5);
    for (let round = 0; round < rounds; round += 1) {
      for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
        results[at]?.push(await run(sides[at] as Side, load, seconds));
      }
    }
    const [open, closed] = results.map(medians) as [Result, Result];
    const cpu = `${shown(open.cpuMicros)} and ${shown(closed.cpuMicros)} µs of CPU a record`;
    const ratio = (closed.perSecond / open.perSecond).toFixed(2);
    scene.teller.say(
      `${load.name}: open ${Math.round(open.perSecond)}/s, closed ` +
        `${Math.round(closed.perSecond)}/s, ratio ${ratio}; ${cpu}`,
    );
  }
  for (const { client } of sides) await client.close();
});

async function side(scene: Scene, isClosed: boolean): Promise<Side> {
  const servers = scene.servers(['--stabilisation', '200']);
  const secretFile = path.join(servers.folder, 'secret.key');
  writeNewSecret(secretFile);
  const flags = isClosed ? ['--secret-file', secretFile] : [];
  for (const name of ['server1', 'server2', 'server3']) await servers.add(name, { flags });
  const targets = servers.all.map(({ address }) => address);
  const secret = isClosed ? { secret: readSecretFile(secretFile) } : {};
  const client = await connect({ targets, timeoutMillis: 15_000, ...secret });
  for (;;) {
    const { members } = await client.status();
    if (members.filter(({ role }) => role === 'voter').length === 3) return { servers, client };
    // Nothing announces what another process thinks: polling is all there is.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function run({ servers, client }: Side, load: Load, duration: number): Promise<Result> {
  const record = randomFillSync(new Uint8Array(load.recordBytes));
  const pids = servers.all.map(({ pid }) => pid as number);
  const cpuBefore = cpuSeconds(pids);
  const begin = performance.now();
  const end = begin + duration * 1000;
  let records = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < end) {
      await client.append(record);
      records += 1;
    }
  };
  await Promise.all(Array.from({ length: load.outstanding }, lane));
  const tookSeconds = (performance.now() - begin) / 1000;
  const cpuAfter = cpuSeconds(pids);
  const isKnown = cpuBefore !== null && cpuAfter !== null;
  const cpuMicros = isKnown ? ((cpuAfter - cpuBefore) * 1e6) / records : null;
  return { perSecond: records / tookSeconds, cpuMicros };
}

function medians(results: readonly Result[]): Result {
  const cpu = results.flatMap(({ cpuMicros }) => (cpuMicros === null ? [] : [cpuMicros]));
  return {
    perSecond: medianOf(results.map(({ perSecond }) => perSecond)),
    cpuMicros: cpu.length === 0 ? null : medianOf(cpu),
  };
}

function shown(micros: number | null): string {
  return micros === null ? 'unknown' : String(Math.round(micros));
}
