/**
 * Snapshots of a real server on a real disk: written while it runs and at its stop, listed by
 * `inspect`, begun from, and done without when they are damaged.
 */

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Log, LogFields } from '../../src/base/log.js';
import { connect } from '../../src/client/connect.js';
import { openDataFolder } from '../../src/server/data-folder.js';
import { createServer } from '../../src/server/embed.js';
import { inspectFolder } from '../../src/server/inspect.js';
import type { Server } from '../../src/server/server.js';
import { nodeClock } from '../../src/transport/node-clock.js';

/** Keeps what is told, with its fields. */
class TellingLog implements Log {
  readonly lines: { readonly event: string; readonly fields: LogFields }[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #tell = (fields: LogFields, event: string): void => {
    this.lines.push({ event, fields });
    for (const look of this.#waiting) look();
  };
  readonly error = this.#tell;
  readonly warn = this.#tell;
  readonly info = this.#tell;
  readonly debug = (): void => {};

  /** The fields of the first line of this event, once there is one. */
  told(event: string): Promise<LogFields> {
    return new Promise((resolve) => {
      const look = (): void => {
        const line = this.lines.find((each) => each.event === event);
        if (line === undefined) return;
        this.#waiting.delete(look);
        resolve(line.fields);
      };
      this.#waiting.add(look);
      look();
    });
  }

  has(event: string): boolean {
    return this.lines.some((line) => line.event === event);
  }
}

async function withFolder(use: (data: string) => Promise<void>): Promise<void> {
  const data = fs.mkdtempSync(path.join(os.tmpdir(), 'quorate-snapshots-'));
  try {
    await use(data);
  } finally {
    fs.rmSync(data, { recursive: true, force: true });
  }
}

/** Runs a server on the folder for as long as `use` lasts, then stops it. */
async function running(
  data: string,
  use: (server: Server, log: TellingLog) => Promise<void>,
): Promise<TellingLog> {
  const log = new TellingLog();
  const options = { id: 'a', data, listen: '127.0.0.1:0', mdns: false, snapshotEntries: 50, log };
  const server = await createServer(options);
  try {
    await use(server, log);
  } finally {
    await server.stop();
  }
  return log;
}

async function withClient(
  server: Server,
  use: (client: Awaited<ReturnType<typeof connect>>) => Promise<void>,
): Promise<void> {
  const client = await connect({ targets: server.addresses });
  try {
    await use(client);
  } finally {
    await client.close();
  }
}

async function rowsOf(data: string): Promise<{ type: unknown; index: unknown }[]> {
  const rows: { type: unknown; index: unknown }[] = [];
  await inspectFolder(data, ({ type, index }) => rows.push({ type, index }));
  return rows.filter(({ type }) => type === 'snapshot' || type === 'damage');
}

test('a server begins from its newest snapshot, from an older one, or from the log alone', () =>
  withFolder(async (data) => {
    let appliedIndex = 0;
    await running(data, async (server, log) => {
      await withClient(server, async (client) => {
        for (let i = 0; i < 80; i++) await client.put(`key ${i % 9}`, `value ${i}`);
        await log.told('snapshot written');
        for (let i = 80; i < 100; i++) await client.put(`key ${i % 9}`, `value ${i}`);
        await client.append('the last record');
      });
      appliedIndex = server.status().appliedIndex;
    });
    const listed = await rowsOf(data);
    assert.is(listed.length, 2);
    assert.ok(listed.every(({ type }) => type === 'snapshot'));
    // Less than a tenth of 50 is not worth one at the stop.
    const left = appliedIndex - Number(listed[1]?.index);
    assert.ok(left >= 0 && left < 5, `${left} entries behind the newest`);
    const check = async (server: Server): Promise<void> => {
      await withClient(server, async (client) => {
        for (let i = 91; i < 100; i++) {
          const found = await client.get(`key ${i % 9}`);
          assert.is(
            found?.value === undefined ? '' : Buffer.from(found.value).toString(),
            `value ${i}`,
          );
        }
        const { records } = await client.read();
        assert.is(records.length, 1);
      });
    };
    const expected = [listed[1]?.index, listed[0]?.index, undefined];
    const names = fs.readdirSync(`${data}/snapshots`).sort();
    const copies = names.map((name) => fs.readFileSync(`${data}/snapshots/${name}`));
    for (const [damaged, index] of expected.entries()) {
      // What the stop of the round before wrote is none of this.
      fs.rmSync(`${data}/snapshots`, { recursive: true });
      fs.mkdirSync(`${data}/snapshots`);
      for (const [i, name] of names.entries()) {
        const copy = Buffer.from(copies[i] as Buffer);
        if (i >= names.length - damaged)
          copy[copy.length >> 1] = 0xff ^ (copy[copy.length >> 1] as number);
        fs.writeFileSync(`${data}/snapshots/${name}`, copy);
      }
      assert.is((await rowsOf(data)).filter(({ type }) => type === 'damage').length, damaged);
      const log = await running(data, (server) => check(server));
      const restored = log.lines.find(({ event }) => event === 'snapshot restored');
      assert.is(restored?.fields['index'], index, `${damaged} damaged`);
      const passed = log.lines.filter(({ event }) => event === 'snapshot passed over');
      assert.is(passed.length, damaged);
    }
  }));

test('a server whose snapshots cannot be written goes on without', () =>
  withFolder(async (data) => {
    const log = await running(data, async (server, told) => {
      // A file where the directory should be.
      fs.writeFileSync(`${data}/snapshots`, '');
      await withClient(server, async (client) => {
        for (let i = 0; i < 80; i++) await client.put('key', `value ${i}`);
        await told.told('snapshot dropped');
        await client.put('key', 'last');
      });
    });
    assert.not(log.has('snapshot written'));
    fs.rmSync(`${data}/snapshots`);
    await running(data, (server) =>
      withClient(server, async (client) => {
        const found = await client.get('key');
        assert.is(Buffer.from(found?.value ?? []).toString(), 'last');
      }),
    );
  }));

test('a log that is made anew begins without the snapshots of another', () =>
  withFolder(async (data) => {
    const log = new TellingLog();
    const deps = { clock: nodeClock, log, fatal: assert.unreachable };
    const folder = await openDataFolder({ path: data, serverName: 'a', clusterName: 'c' }, deps);
    fs.mkdirSync(`${data}/snapshots`);
    fs.writeFileSync(`${data}/snapshots/0000000000000009.snapshot`, 'of another log');
    const place = { clusterName: 'c', clusterId: 'c1', memberId: 1, joinIndex: 0 };
    const member = { id: 1, peerId: 'p', incarnation: 'i', name: 'a' };
    const configuration = {
      voters: [1],
      votersOutgoing: [],
      learners: [],
      learnersNext: [],
      members: [member],
      reason: 'founded',
    };
    const base = { index: 1, term: 0, configuration, configurationIndex: 1 };
    const opened = await folder.foundLog(place, base);
    assert.not.ok(fs.existsSync(`${data}/snapshots`));
    assert.is(opened.snapshots?.machine, null);
    await new Promise<void>((closed) => opened.store.close(closed));
    await folder.close();
  }));

test.run();
