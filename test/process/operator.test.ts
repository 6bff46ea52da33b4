/**
 * Operators at real servers: the plan and its reasons, history, the policy in the log, leaving, and
 * watching, with and without a leader; through followers as through the leader.
 */

// time limit: 180 s

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertLines, type Outcome, quorate, quorateOnTerminal } from './commands.js';
import { type ServerProcess, Servers, within } from './servers.js';

const program = fileURLToPath(new URL('../../bin/quorate.js', import.meta.url));
const quick = ['--stabilisation', '300'];
const test = suite('operators');
let servers: Servers;

test.before(async () => {
  servers = await Servers.cluster(4, quick);
  await servers.until('a stand-by', ({ members }) => members.some((m) => m.role === 'standby'));
});

test.after(() => servers.stopAll());

/** What a command about one server printed. */
async function at(server: ServerProcess, words: readonly string[]): Promise<string> {
  const { code, out, err } = await run(server, words);
  assert.is(code, 0, `${words.join(' ')}: ${err}`);
  return out;
}

function run(server: ServerProcess, words: readonly string[], timeout = '20'): Promise<Outcome> {
  return quorate([...words, '-t', server.address, '--timeout', timeout]);
}

async function followers(): Promise<readonly ServerProcess[]> {
  const leader = await servers.leader();
  return servers.running.filter((server) => server !== leader);
}

test('every server gives the same plan: the leader rests, and says by which rule', async () => {
  const leader = await servers.leader();
  for (const server of servers.running) {
    const plan = await at(server, ['members', 'plan']);
    assert.match(plan, new RegExp(`^leader +${leader.name}, term \\d+, configuration \\d+$`, 'm'));
    assert.match(plan, /^now +server\d, server\d, server\d: 3 of 3 alive, majority 2, 1 more may/m);
    assert.match(plan, /^change +none: voters rest at odd numbers/m);
  }
  const json = JSON.parse(await at(leader, ['members', 'plan', '--json'])) as Plan;
  assert.equal([json.outcome, json.now.majority, json.during], ['rest', 2, null]);
});

test('why: a voter, a stand-by, and somebody who is none of them', async () => {
  const [follower] = await followers();
  assert.ok(follower !== undefined);
  const leader = await servers.leader();
  assert.match(await at(follower, ['members', 'why', leader.name]), /is a voter\n {2}it leads/);
  const { members } = await servers.until('a stand-by', (status) =>
    status.members.some(({ role }) => role === 'standby'),
  );
  const standby = members.find(({ role }) => role === 'standby');
  assert.ok(standby !== undefined);
  const why = await at(follower, ['members', 'why', String(standby.memberId)]);
  assert.match(
    why,
    new RegExp(`^${standby.name} \\(member ${standby.memberId}\\) is a stand-by\n`),
  );
  assert.match(why, /odd numbers/);
  for (const json of [[], ['--json']]) {
    const nobody = await run(follower, ['members', 'why', 'server9', ...json]);
    assert.equal([nobody.code, nobody.out], [1, '']);
    assertLines(nobody.err, [
      /no member is named "server9"; there are .*server2.*: give one of these/,
    ]);
  }
});

test('history: every configuration, alike on all servers', async () => {
  const told = await Promise.all(
    servers.running.map((server) => at(server, ['members', 'history', '--json'])),
  );
  assert.is(new Set(told).size, 1);
  const rows = (told[0] ?? '')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
  assert.equal(rows[0]?.voters, ['server1']);
  assert.is(rows[0]?.time, null);
  assert.equal([...(rows.at(-1)?.voters ?? [])].sort().length, 3);
  assert.is(rows.filter(({ joint }) => joint).length, 1);
  assert.ok(rows.some(({ reason }) => reason === 'server2 asked to join'));
  const indexes = rows.map(({ index }) => index);
  assert.equal(
    indexes,
    [...indexes].sort((a, b) => a - b),
  );
  const text = await at(servers.all[0] as ServerProcess, ['members', 'history']);
  assert.is(text.trimEnd().split('\n').length, rows.length + 1);
});

test('a policy is set at any server, holds on all, and is kept over a restart', async () => {
  const [one, two] = await followers();
  assert.ok(one !== undefined && two !== undefined);
  assert.match(await at(one, ['policy']), /^voters +5 +default$/m);
  const refused = await run(one, ['policy', 'set', 'voters=4', 'colour=blue']);
  assert.is(refused.code, 1);
  assertLines(refused.err, [/"colour" is no word of a policy/]);
  const said = await at(one, ['policy', 'set', 'voters=3', 'shrink-after=2h']);
  assert.match(said, /^the policy is set by log entry \d+: voters=3 shrink-after=2h\n$/);
  for (const server of servers.running) {
    const policy = await at(server, ['policy', 'show']);
    assert.match(policy, /^voters +3 +policy$/m);
    assert.match(policy, /^shrink-after +2h +policy$/m);
  }
  assert.match(await at(two, ['members', 'plan']), /3 voters are as many as wanted/);
  await two.stop();
  await servers.start(two);
  assert.match(await at(two, ['policy']), /^voters +3 +policy$/m);
  await at(two, ['policy', 'set', 'voters=default']);
  assert.match(await at(one, ['policy']), /^voters +5 +default$/m);
});

/** A command that runs until it is told to end, and what it printed. */
class Watching {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | string>;
  out = '';
  #look: () => void = () => {};

  constructor(words: readonly string[]) {
    this.#child = spawn(process.execPath, [program, ...words]);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
      this.#look();
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
  }

  shows(pattern: RegExp, from = 0): Promise<void> {
    const shown = new Promise<void>((resolve) => {
      this.#look = () => {
        if (pattern.test(this.out.slice(from))) resolve();
      };
      this.#look();
    });
    return within(20_000, `${pattern} in ${this.out}`, shown);
  }

  async interrupt(): Promise<number | string> {
    this.#child.kill('SIGINT');
    return within(10_000, 'the end of the watch', this.#ended);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

test('a watch writes a line for each change, and goes on over a fail-over', async () => {
  const targets = servers.running.map(({ address }) => address).join(',');
  const members = new Watching(['members', '--watch', '-t', targets]);
  const status = new Watching(['status', '--watch', '--json', '-t', targets]);
  try {
    await members.shows(/(\S+Z {2}server\d \(member \d+\): [^\n]+\n){4}$/);
    await status.shows(/^\{[^\n]+\}\n$/);
    const from = members.out.length;
    const leader = await servers.leader();
    const voters = await servers.untilVoters(3);
    const next = voters.members.find(({ role, name }) => role === 'voter' && name !== leader.name);
    await (await servers.client()).transferLeader(next?.name ?? '');
    await members.shows(new RegExp(`Z {2}${next?.name} \\(member \\d+\\): voter, leader`), from);
    await status.shows(new RegExp(`"leader":\\{"name":"${next?.name}"`));
    assert.is(await members.interrupt(), 130);
    assert.is(await status.interrupt(), 130);
  } finally {
    members.kill();
    status.kill();
  }
});

test('on a terminal a watch draws its picture in one place', async () => {
  const leader = await servers.leader();
  const words = ['members', '--watch', '-t', leader.address];
  const picture = quorateOnTerminal(words, [{ after: 'PEER', type: '\u0003' }]);
  const { code, out } = await picture;
  assert.is(code, 130);
  assert.ok(out.startsWith('\u001b[2J\u001b[HNAME'), JSON.stringify(out.slice(0, 40)));
  assert.match(out, /server4 .*\u001b\[K/);
});

test('a server asked to leave leaves, and its place in history stays', async () => {
  const { members } = await servers.until('a stand-by', (status) =>
    status.members.some(({ role }) => role === 'standby'),
  );
  const voter = members.find(
    ({ role, name }) => role === 'voter' && servers.byName(name).isRunning,
  );
  const leaving = servers.byName(voter?.name ?? '');
  const said = await at(leaving, ['members', 'leave', '--json']);
  assert.is((JSON.parse(said) as { left: string }).left, leaving.name);
  assert.is(await leaving.exit(), 0);
  const rest = servers.running[0] as ServerProcess;
  assert.match(await at(rest, ['members', 'why', leaving.name]), /was removed/);
  await servers.untilVoters(3);
  assert.match(await at(rest, ['members', 'history']), new RegExp(leaving.name));
});

test('without a leader a server tells what it knows, and why nothing is planned', async () => {
  const [one, ...others] = servers.running;
  assert.ok(one !== undefined);
  for (const other of others) await other.kill();
  await servers.until('no leader', ({ leader }) => leader === null);
  const status = await at(one, ['status']);
  assert.match(status, /^leader +none for \d+ m?s \(server\d led last\)$/m);
  assert.match(
    status,
    /^waiting for +a majority: reached 1 of 3 voters; missing: server\d \(no li/m,
  );
  assert.match(status, /^server\d .*(dead|suspect), \d+ m?s/m);
  assert.match(await at(one, ['members', 'history']), /founded/);
  assert.match(await at(one, ['policy']), /shrink-after +2h/);
  const plan = await run(one, ['members', 'plan'], '2');
  assert.is(plan.code, 3);
  assertLines(plan.err, [/nobody plans without a leader: server\d waits for a majority/]);
  const why = await at(one, ['members', 'why', others[0]?.name ?? '']);
  assert.match(why, /nothing is decided without a leader/);
  assert.match(why, /has had no link to it for \d+ m?s/);
});

interface Plan {
  readonly outcome: string;
  readonly now: { readonly majority: number };
  readonly during: unknown;
}

interface Row {
  readonly index: number;
  readonly time: string | null;
  readonly voters: readonly string[];
  readonly joint: boolean;
  readonly reason: string;
}

test.run();
