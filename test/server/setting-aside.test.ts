/**
 * What a server does with its data folder when the cluster put it out, at every place where it may
 * be cut short; and the lives of a server, one after the other.
 */

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Membership } from '../../src/raft/types.js';
import { type OpenFolder, openDataFolder } from '../../src/server/data-folder.js';
import { type Life, type LifeEnd, Lives } from '../../src/server/lives.js';
import { nodeClock } from '../../src/transport/node-clock.js';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import { EventLog } from '../storage/wal-fixture.js';

const place: Membership = { clusterName: 'test', clusterId: 'c1', memberId: 1, joinIndex: 0 };

async function withFolder(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'quorate-aside-'));
  try {
    await use(directory);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function open(directory: string, log = new EventLog()): Promise<OpenFolder> {
  const deps = { clock: nodeClock, log, fatal: assert.unreachable };
  return openDataFolder({ path: directory, serverName: 'a', clusterName: 'test' }, deps);
}

/** Becomes a member, with a log that is closed again: files, as far as this test goes. */
async function enter(folder: OpenFolder, directory: string, as = place): Promise<void> {
  fs.mkdirSync(`${directory}/log`);
  fs.writeFileSync(`${directory}/log/1.wal`, `of member ${as.memberId}`);
  await new Promise<void>((resolve, reject) => {
    folder.saveMembership(as, (error) => (error === null ? resolve() : reject(error)));
  });
}

function aside(directory: string): readonly string[] {
  return fs.readdirSync(directory).filter((name) => name.startsWith('put-out-'));
}

test('who was put out has another incarnation, the same key, no place, and its log still', () =>
  withFolder(async (directory) => {
    const folder = await open(directory);
    const { privateKey, incarnation } = folder.identity;
    await enter(folder, directory);
    const segments = fs.readdirSync(`${directory}/log`);
    await folder.setAside(place);
    await folder.close();
    const anew = await open(directory);
    assert.equal(anew.identity.privateKey, privateKey);
    assert.is.not(anew.identity.incarnation, incarnation);
    assert.is(anew.membership, null);
    assert.is(anew.identity.former?.clusterId, 'c1');
    assert.equal(aside(directory), [anew.identity.former?.log]);
    assert.equal(fs.readdirSync(`${directory}/${aside(directory)[0]}`), segments);
    assert.not.ok(fs.existsSync(`${directory}/log`));
    // In again, it is an ordinary member.
    await enter(anew, directory, { ...place, memberId: 9, joinIndex: 9 });
    assert.is(anew.identity.former, undefined);
    await anew.close();
    const member = await open(directory);
    assert.is(member.membership?.memberId, 9);
    assert.is(member.identity.former, undefined);
    await member.close();
  }));

test('cut short before the log was moved, the next opening moves it', () =>
  withFolder(async (directory) => {
    const folder = await open(directory);
    await enter(folder, directory);
    const segments = fs.readdirSync(`${directory}/log`);
    await folder.setAside(place);
    const name = aside(directory)[0] as string;
    await folder.close();
    // As it is when the process ends between the identity and the move.
    fs.renameSync(`${directory}/${name}`, `${directory}/log`);
    const log = new EventLog();
    const anew = await open(directory, log);
    assert.equal(aside(directory), [name]);
    assert.equal(fs.readdirSync(`${directory}/${name}`), segments);
    // And once more, now that a new attempt to join has a log of its own.
    fs.mkdirSync(`${directory}/log`);
    fs.writeFileSync(`${directory}/log/new`, 'x');
    await anew.close();
    const again = await open(directory);
    assert.equal(fs.readdirSync(`${directory}/${name}`), segments, 'the old log is as it was');
    assert.equal(fs.readdirSync(`${directory}/log`), ['new']);
    await again.close();
  }));

test('two logs are kept; an older one is deleted, and that is said', () =>
  withFolder(async (directory) => {
    const log = new EventLog();
    const folder = await open(directory, log);
    for (const memberId of [1, 2, 3]) {
      const as = { ...place, memberId, joinIndex: memberId };
      await enter(folder, directory, as);
      await folder.setAside(as);
    }
    assert.equal(
      aside(directory).map((name) => name.slice(-8)),
      ['member-2', 'member-3'],
    );
    const told = log.events.filter((event) => event.startsWith('older log'));
    assert.is(told.length, 1);
    await folder.close();
  }));

/** A life whose course the test decides. */
class PuppetLife implements Life {
  readonly addresses: readonly string[] = ['here:1'];
  readonly ended: Promise<LifeEnd>;
  readonly #story: string[];
  readonly #fault: string | null;
  end: (end: LifeEnd) => void = () => {};

  constructor(story: string[], fault: string | null) {
    this.#story = story;
    this.#fault = fault;
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  status(): ClusterStatus {
    throw new Error('nobody asks');
  }

  start(): Promise<void> {
    this.#story.push('start');
    return this.#fault === null ? Promise.resolve() : Promise.reject(new Error(this.#fault));
  }

  abandon(): Promise<void> {
    this.#story.push('abandon');
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#story.push('stop');
    this.end({ reason: 'stopped', message: 'stopped', others: [] });
    return Promise.resolve();
  }
}

interface Stage {
  readonly lives: Lives;
  readonly built: PuppetLife[];
  readonly story: string[];
  /** Ends the setting aside. */
  moved(): void;
  /** Settles when somebody called `fatal`. */
  readonly fatal: Promise<string>;
}

/** @param faults of the starts, in their order. */
function stage(faults: readonly (string | null)[] = []): Stage {
  const story: string[] = [];
  const built: PuppetLife[] = [];
  let moved = (): void => {};
  let fatal = (_reason: string): void => {};
  const died = new Promise<string>((resolve) => {
    fatal = resolve;
  });
  const lives = new Lives({
    peerId: 'p',
    build: (others) => {
      story.push(`build ${others.join()}`);
      const life = new PuppetLife(story, faults[built.length] ?? null);
      built.push(life);
      return life;
    },
    setAside: () => {
      story.push('set aside');
      return new Promise((resolve) => {
        moved = resolve;
      });
    },
    close: () => {
      story.push('close');
      return Promise.resolve();
    },
    fatal: (reason) => fatal(reason),
  });
  return { lives, built, story, moved: () => moved(), fatal: died };
}

const putOut: LifeEnd = { reason: 'putOut', message: 'put out', others: ['there:1'] };

/** Lets everything that is ready happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('a life that was put out is followed by another, once its log is set aside', async () => {
  const { lives, built, story, moved } = stage();
  await lives.start();
  built[0]?.end(putOut);
  await turn();
  assert.equal(story, ['build ', 'start', 'set aside'], 'not before that is on disk');
  moved();
  await turn();
  assert.equal(story.slice(3), ['build there:1', 'start']);
  await lives.stop();
  assert.equal(story.slice(5), ['stop', 'close']);
  assert.equal(await lives.ended, { reason: 'stopped', message: 'stopped' });
});

test('a server that is removed ends, and nothing is set aside', async () => {
  const { lives, built, story } = stage();
  await lives.start();
  built[0]?.end({ reason: 'removed', message: 'removed', others: [] });
  assert.equal(await lives.ended, { reason: 'removed', message: 'removed' });
  assert.equal(story, ['build ', 'start', 'close']);
});

test('a stop between two lives ends the server', async () => {
  const { lives, built, story, moved } = stage();
  await lives.start();
  built[0]?.end(putOut);
  await turn();
  const stopped = lives.stop();
  moved();
  await stopped;
  assert.is((await lives.ended).reason, 'stopped');
  assert.is(built.length, 1, 'no other life begins');
  assert.is(story.at(-1), 'close');
});

test('a first life that cannot start gives the folder back; a later one is the end', async () => {
  const first = stage(['port taken']);
  await first.lives.start().then(
    () => assert.unreachable('it started'),
    (error: Error) => assert.is(error.message, 'port taken'),
  );
  assert.equal(first.story, ['build ', 'start', 'abandon', 'close']);
  const second = stage([null, 'port taken']);
  await second.lives.start();
  second.built[0]?.end(putOut);
  await turn();
  second.moved();
  assert.match(await second.fatal, /cannot begin anew: port taken/);
});

test.run();
