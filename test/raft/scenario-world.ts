/**
 * A world of servers driven by lines of text, and the trace it leaves. Nothing happens by itself:
 * time, messages and disks move when a command says so. The commands are in the table at the end.
 */

import { strict as assert } from 'node:assert';
import type { Effect } from '../../src/raft/effects.js';
import type { Message } from '../../src/raft/messages.js';
import { raftOptionsDefault } from '../../src/raft/options.js';
import type {
  Configuration,
  Entry,
  LogBase,
  MemberChange,
  MemberId,
} from '../../src/raft/types.js';
import { Checker, founders } from './checker.js';
import { FakeServer, type Watcher } from './fake-server.js';

const text = { encode: (word: string) => new Uint8Array(Buffer.from(word)) };

/** An entry in a trace: index/term and what it holds. */
function entryText(entry: Entry): string {
  const at = `${entry.index}/${entry.term}`;
  if (entry.kind === 'noop') return `${at} -`;
  if (entry.configuration !== null) return `${at} {${configurationText(entry.configuration)}}`;
  return `${at} ${Buffer.from(entry.data).toString()}`;
}

function configurationText(configuration: Configuration): string {
  const { voters, votersOutgoing, learners, learnersNext } = configuration;
  const parts = [`voters ${voters.join(' ')}`];
  if (votersOutgoing.length > 0) parts.push(`outgoing ${votersOutgoing.join(' ')}`);
  if (learners.length > 0) parts.push(`learners ${learners.join(' ')}`);
  if (learnersNext.length > 0) parts.push(`next ${learnersNext.join(' ')}`);
  return parts.join(', ');
}

function messageText(message: Message): string {
  const head = `${message.from}→${message.to} ${message.type} term ${message.term}`;
  switch (message.type) {
    case 'voteRequest': {
      const kind = (message.preVote ? ' pre' : '') + (message.transfer ? ' transfer' : '');
      return `${head}${kind} last ${message.lastIndex}/${message.lastTerm}`;
    }
    case 'voteReply':
      return `${head}${message.preVote ? ' pre' : ''} ${message.granted ? 'granted' : 'refused'}`;
    case 'append': {
      const entries = message.entries.map(entryText).join(', ');
      const prev = `after ${message.prevIndex}/${message.prevTerm} commit ${message.commit}`;
      return `${head} #${message.sequence} ${prev} [${entries}]`;
    }
    case 'appendReply': {
      const what = message.ok
        ? `has ${message.index}`
        : `refuses ${message.index} hint ${message.hintIndex}/${message.hintTerm}`;
      return `${head} #${message.sequence} ${what}`;
    }
    case 'heartbeat':
      return `${head} commit ${message.commit} round ${message.round}`;
    case 'heartbeatReply':
      return `${head} round ${message.round} last ${message.lastIndex}`;
    case 'readRequest':
      return head;
    case 'readReply':
      return `${head} ${message.ok ? `index ${message.index}` : 'cannot say'}`;
    case 'timeoutNow':
      return head;
    case 'snapshotReply':
      return `${head} ${message.ok ? 'has' : 'failed at'} ${message.index}`;
  }
}

function effectText(effect: Effect): string | null {
  switch (effect.type) {
    case 'persist': {
      const parts: string[] = [];
      if (effect.hardState !== null) {
        parts.push(`term ${effect.hardState.term} vote ${effect.hardState.vote}`);
      }
      if (effect.truncateFrom !== null) parts.push(`cut from ${effect.truncateFrom}`);
      if (effect.entries.length > 0) parts.push(`[${effect.entries.map(entryText).join(', ')}]`);
      return `persist ${parts.join(' ')}`;
    }
    case 'apply':
      return `apply up to ${effect.upTo}`;
    case 'fetch':
      return `fetch ${effect.firstIndex}…${effect.lastIndex} for ${effect.to}`;
    case 'sendSnapshot':
      return `send snapshot to ${effect.to}`;
    case 'answerRead':
      return `read ${effect.ref} at ${effect.index}`;
    case 'accepted':
      return `accepted ${effect.ref} at ${effect.index}/${effect.term}`;
    case 'refused':
      return `refused ${effect.ref} ${effect.code}: ${effect.message}`;
    case 'configured':
      return `configured ${effect.index}: ${configurationText(effect.configuration)}`;
    case 'roleChanged':
      return `${effect.role} in term ${effect.term}, leader ${effect.leader}`;
    case 'note': {
      if (effect.event === 'configuration entered' || effect.event === 'campaign') return null;
      const fields = Object.entries(effect.fields).map(([name, value]) => `${name}=${value}`);
      return `note: ${effect.event} ${fields.join(' ')}`;
    }
    case 'send':
      return null;
  }
}

function changeOf(word: string): MemberChange {
  const [op, what] = word.split(':') as [string, string];
  if (op === 'add') {
    const member = { peerId: what, incarnation: what, name: what };
    return { op: 'addLearner', member };
  }
  assert.ok(op === 'promote' || op === 'demote' || op === 'remove', `unknown change ${word}`);
  return { op, id: Number(what) };
}

/** A world, and the commands it understands. */
export class ScenarioWorld implements Watcher {
  #checker = new Checker(0);
  #base: LogBase | null = null;
  #options = raftOptionsDefault;
  #queue: Message[] = [];
  #cut = new Set<MemberId>();
  readonly #held = new Set<MemberId>();
  #trace: string[] = [];
  #quiet = false;
  #campaigned = false;
  #ref = 100;

  /** Runs one command line; returns the lines of its trace. */
  run(line: string): readonly string[] {
    const words = line.trim().split(/\s+/);
    this.#quiet = words.at(-1) === 'quiet';
    if (this.#quiet) words.pop();
    this.#trace = [];
    const command = this.#commands[words[0]!];
    assert.ok(command !== undefined, `unknown command ${words[0]}`);
    command(words.slice(1));
    return this.#trace;
  }

  sent(server: FakeServer, message: Message): void {
    this.#checker.sent(server, message);
    this.#queue.push(message);
  }

  effect(server: FakeServer, effect: Effect): void {
    if (effect.type === 'note' && effect.event === 'campaign') this.#campaigned = true;
    this.#say(server.id, effectText(effect));
    this.#checker.effect(server, effect);
  }

  applied(server: FakeServer, entry: Entry): void {
    this.#checker.applied(server, entry);
  }

  written(entries: readonly Entry[]): void {
    this.#checker.written(entries);
  }

  writing(): void {}

  #say(id: MemberId, what: string | null): void {
    if (what !== null && !this.#quiet) this.#trace.push(`${id}: ${what}`);
  }

  #server(word: string | undefined): FakeServer {
    const server = this.#checker.servers.get(Number(word));
    assert.ok(server !== undefined, `no server ${word}`);
    return server;
  }

  #found(words: string[]): void {
    const count = Number(words[0]);
    const base = founders(count);
    const settings = new Map(words.slice(1).map((word) => word.split('=') as [string, string]));
    const learners = Number(settings.get('learners') ?? 0);
    settings.delete('learners');
    const numbers = [...settings].map(([name, value]) => [name, Number(value)]);
    this.#options = { ...this.#options, ...Object.fromEntries(numbers) };
    const { voters } = base;
    const configuration = {
      ...base,
      voters: voters.slice(0, count - learners),
      learners: voters.slice(count - learners),
    };
    this.#checker = new Checker(count);
    this.#base = { index: count, term: 0, configuration, configurationIndex: count };
    for (const id of voters) this.#spawn(id, 0);
  }

  #spawn(id: MemberId, joinIndex: number): void {
    assert.ok(this.#base !== null, 'found the cluster first');
    const init = { id, joinIndex, seed: 7, base: this.#base, options: this.#options };
    const server = new FakeServer(init, this);
    this.#checker.servers.set(id, server);
    server.start();
  }

  #deliver(message: Message): void {
    const lost = this.#cut.has(message.from) !== this.#cut.has(message.to);
    if (!this.#quiet) this.#trace.push(messageText(message) + (lost ? ' (lost)' : ''));
    if (!lost) this.#checker.servers.get(message.to)?.step({ type: 'message', message });
  }

  #settle(): void {
    for (let turn = 0; turn < 1000; turn++) {
      const messages = this.#queue.splice(0);
      let idle = messages.length === 0;
      for (const message of messages) this.#deliver(message);
      for (const server of this.#checker.servers.values()) {
        while (server.alive && server.writes > 0 && !this.#held.has(server.id)) {
          server.syncOne();
          idle = false;
        }
      }
      if (idle) return;
    }
    assert.fail('the world does not come to rest');
  }

  #timeout(server: FakeServer): void {
    this.#campaigned = false;
    for (let ticks = 0; ticks < 100 && !this.#campaigned; ticks++) server.step({ type: 'tick' });
  }

  #status(): void {
    for (const { id, alive, status } of this.#checker.servers.values()) {
      const { role, term, leader, lastIndex, commit, persisted } = status;
      const log = `log ${lastIndex} disk ${persisted} commit ${commit}`;
      const configuration = configurationText(status.configuration);
      const who = alive ? `${role} term ${term} leader ${leader}` : 'down';
      this.#trace.push(`${id}: ${who}, ${log}, ${configuration}`);
    }
  }

  #first(from: string | undefined, to: string | undefined): Message {
    const at = this.#queue.findIndex((m) => m.from === Number(from) && m.to === Number(to));
    assert.ok(at >= 0, `no message ${from} → ${to}`);
    return this.#queue.splice(at, 1)[0]!;
  }

  #change([who, ref, ...words]: string[]): void {
    const server = this.#server(who);
    const asked = words.find((word) => word.startsWith('expected='));
    const expected = Number(asked?.slice(9) ?? server.status.configurationIndex);
    const changes = words.filter((word) => word !== asked).map(changeOf);
    const wish = { ref: Number(ref), expected, timeMillis: 0, reason: 'test', changes };
    server.step({ type: 'change', ...wish });
  }

  readonly #commands: Readonly<Record<string, (words: string[]) => void>> = {
    /**
     * founders 3 [learners=1] [option=value …]: a cluster; the last of the founders are learners.
     */
    founders: (words) => this.#found(words),
    /** spawn 7: the newcomer that entry 7 admitted starts, empty. */
    spawn: ([id]) => this.#spawn(Number(id), Number(id)),
    /** tick 1 [times] */
    tick: ([id, times]) => {
      for (let i = 0; i < Number(times ?? 1); i++) this.#server(id).step({ type: 'tick' });
    },
    /** timeout 1: ticks until it campaigns. */
    timeout: ([id]) => this.#timeout(this.#server(id)),
    /** settle: messages and disks move until nothing is left to do. */
    settle: () => this.#settle(),
    /** deliver 1 2: the oldest message from 1 to 2 arrives; twice: and once more. */
    deliver: ([from, to, twice]) => {
      const message = this.#first(from, to);
      this.#deliver(message);
      if (twice === 'twice') this.#deliver(message);
    },
    /** drop 1 2: the oldest message from 1 to 2 is lost; drop: all are. */
    drop: ([from, to]) => {
      if (from === undefined) this.#queue = [];
      else this.#trace.push(`${messageText(this.#first(from, to))} (lost)`);
    },
    /** sync 1: all its writes reach the disk. hold 1: they do not until release 1. */
    sync: ([id]) => {
      while (this.#server(id).writes > 0) this.#server(id).syncOne();
    },
    hold: ([id]) => void this.#held.add(Number(id)),
    release: ([id]) => void this.#held.delete(Number(id)),
    /** cut 1 2: these are parted from all others. heal: nobody is. */
    cut: (ids) => {
      this.#cut = new Set(ids.map(Number));
    },
    heal: () => this.#cut.clear(),
    propose: ([id, ...words]) => {
      const proposals = words.map((word) => ({
        ref: ++this.#ref,
        timeMillis: 0,
        data: text.encode(word),
      }));
      this.#server(id).step({ type: 'propose', proposals });
    },
    read: ([id, ref]) => {
      this.#checker.readBegins(Number(ref));
      this.#server(id).step({ type: 'read', ref: Number(ref) });
    },
    change: (words) => this.#change(words),
    transfer: ([id, ref, to]) =>
      this.#server(id).step({ type: 'transfer', ref: Number(ref), to: Number(to) }),
    unreachable: ([id, peer]) => this.#server(id).step({ type: 'unreachable', peer: Number(peer) }),
    crash: ([id, kept]) => this.#server(id).crash(Number(kept ?? 0)),
    restart: ([id]) => this.#server(id).restart(),
    /** wipe 2: the disk of a crashed server is emptied. */
    wipe: ([id]) => this.#server(id).wipe(),
    snapshot: ([id]) => this.#server(id).takeSnapshot(),
    /** install 2 1: server 2 installs the snapshot of server 1. */
    install: ([id, from]) => {
      const done = this.#server(id).install(this.#server(from).image.base, Number(from));
      assert.ok(done, 'writes are under way');
    },
    status: () => this.#status(),
    log: ([id]) => {
      this.#trace.push(`${id}: ${this.#server(id).image.entries.map(entryText).join(', ')}`);
    },
    progress: ([id]) => {
      for (const [follower, of] of this.#server(id).status.progress) {
        const active = of.recentlyActive ? 'active' : 'silent';
        this.#trace.push(`${follower}: ${of.state} match ${of.match} next ${of.next} ${active}`);
      }
    },
  };
}
