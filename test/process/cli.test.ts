/**
 * The command line against real servers, as a person or a script uses it: every command, what it
 * prints for people and as JSON, what it says when it cannot, and its exit codes: 0 done,
 * 1 refused, 2 wrong usage, 3 nobody served in time.
 */

// time limit: 120 s

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  assertLines,
  quorate as bare,
  type CommandOptions,
  type Outcome,
  quorateOnTerminal,
  terminalMaker,
} from './commands.js';
import { freePort, type ServerProcess, Servers } from './servers.js';

const test = suite('the command line');
let servers: Servers;
let targets = '';

test.before(async () => {
  servers = await Servers.cluster(3, ['--stabilisation', '300']);
  await servers.untilVoters(3);
  targets = servers.all.map(({ address }) => address).join(',');
});

test.after(() => servers.stopAll());

/** Runs a command against the cluster. */
function quorate(words: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  return bare(words, { ...options, environment: { QUORATE_TARGETS: targets } });
}

/** What a command printed, when it did what it should. */
async function done(words: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, out, err } = await quorate(words, options);
  assert.is(code, 0, `${words.join(' ')}: ${err}`);
  assert.is(err, '', words.join(' '));
  return out;
}

async function refused(words: readonly string[], code: number, pattern: RegExp): Promise<void> {
  const outcome = await quorate(words);
  assert.is(outcome.code, code, `${words.join(' ')}: ${outcome.err}`);
  assert.is(outcome.out, '', words.join(' '));
  assertLines(outcome.err, [pattern], words.join(' '));
}

test('append prints the sequence number, as JSON also index and term', async () => {
  assert.is(await done(['append', '-c', 'one']), '1\n');
  assert.is(await done(['append', 'two']), '2\n');
  const json = JSON.parse(await done(['append', '-c', 'three', '--json'])) as Json;
  assert.equal(Object.keys(json), ['seq', 'index', 'term']);
  assert.is(json['seq'], 3);
  assert.ok(Object.values(json).every((value) => Number.isInteger(value)));
  // Any one server will do, by flag as by environment.
  for (const [i, { address }] of servers.all.entries()) {
    assert.is(await done(['append', '-t', address, '-c', `by ${i}`]), `${4 + i}\n`);
  }
});

test('append -c - takes 10,000 lines in their order; query lists them by pages', async () => {
  const lines = Array.from({ length: 10_000 }, (_, n) => `line ${n}`);
  const words = ['--stream', 'many'];
  const told = await done(['append', '-c', '-', ...words], { input: `${lines.join('\n')}\n` });
  assert.is(told, '10000 records appended, sequence 1 to 10000\n');
  const listed = (await done(['query', ...words, '--json'])).trimEnd().split('\n').map(parse);
  assert.equal(
    listed.map(({ data }) => data),
    lines,
  );
  assert.equal(
    listed.map(({ seq }) => seq),
    lines.map((_, n) => n + 1),
  );
  assert.equal(Object.keys(listed[0] as Json), ['seq', 'index', 'term', 'time', 'data']);
  assert.ok(Math.abs(Date.parse(String(listed[0]?.['time'])) - Date.now()) < 600_000);
  const some = await done(['query', ...words, '--from', '9999', '--limit', '1']);
  assert.match(some, /^Log entries \(10000 total\):\n {2}9999 {2}term \d+ {2}line 9998\n$/);
  const short = await done(['append', '-c', '-', ...words, '--json'], { input: 'a\n\nc' });
  assert.equal(
    short
      .trimEnd()
      .split('\n')
      .map((line) => parse(line)['seq']),
    [10_001, 10_002, 10_003],
  );
});

test('bytes that are no text come back as they went in', async () => {
  const bytes = Uint8Array.of(0xff, 0x00, 0xfe, 0x0d, 0x1b);
  await done(['append', '-c', '-', '-s', 'bytes'], { input: bytes });
  const json = parse(await done(['query', '-s', 'bytes', '--json']));
  assert.equal(Buffer.from(String(json['dataBase64']), 'base64'), Buffer.from(bytes));
  assert.not.ok('data' in json);
  await done(['append', '-s', 'bytes', '-c', 'escape \u001b[31m here']);
  assert.match(await done(['query', '-s', 'bytes', '--from', '2']), /escape \\u001b\[31m here/);
});

test('query --follow goes on with what is appended later, and ends at its limit', async () => {
  await done(['append', '-s', 'followed', '-c', 'first']);
  const following = done(['query', '-s', 'followed', '--follow', '--limit', '3', '--json']);
  await done(['append', '-s', 'followed', '-c', 'second']);
  await done(['append', '-s', 'followed', '-c', 'third']);
  const listed = (await following).trimEnd().split('\n').map(parse);
  assert.equal(
    listed.map(({ data }) => data),
    ['first', 'second', 'third'],
  );
});

test('put, get, delete and list', async () => {
  assert.match(await done(['put', 'colour/sky', 'blue']), /^revision \d+\n$/);
  assert.is(await done(['get', 'colour/sky']), 'blue\n');
  const first = parse(await done(['get', 'colour/sky', '--json']));
  const { modRevision } = first;
  const shape = { key: 'colour/sky', value: 'blue', createRevision: modRevision, modRevision };
  assert.equal(first, { ...shape, version: 1 });
  await refused(['put', 'colour/sky', 'x', '--if-revision', '0'], 1, /the key is at revision/);
  await done(['put', 'colour/sky', 'grey', '--if-revision', String(modRevision)]);
  await done(['put', 'colour/sea', 'green']);
  const listed = (await done(['list', 'colour/', '--json'])).trimEnd().split('\n').map(parse);
  assert.equal(
    listed.map(({ key, value }) => [key, value]),
    [
      ['colour/sea', 'green'],
      ['colour/sky', 'grey'],
    ],
  );
  assert.match(
    await done(['list', 'colour/']),
    /^KEY +VALUE .*\ncolour\/sea +green .*\ncolour\/sky/,
  );
  assert.match(await done(['delete', 'colour/sea']), /^deleted, revision \d+\n$/);
  await refused(['get', 'colour/sea'], 1, /there is no key "colour\/sea"/);
  await refused(['delete', 'colour/sea'], 1, /there is no key "colour\/sea"/);
});

test('status and members, as tables and as JSON, from any server', async () => {
  const table = await done(['status']);
  assert.match(table, /^cluster +quorate /);
  assert.match(table, /may fail +1 voter/);
  assert.match(await done(['members']), /^NAME +MEMBER +ROLE .*\n(server\d .*voter.*\n){3}$/);
  for (const { name, address } of servers.all) {
    const status = parse(await done(['status', '--json', '-t', address])) as Json & {
      members: Json[];
      leader: Json;
      self: Json;
    };
    const keys = ['cluster', 'clusterId', 'term', 'leader', 'commitIndex', 'appliedIndex'];
    for (const key of [...keys, 'faultTolerance', 'members', 'self']) assert.ok(key in status, key);
    assert.equal(Object.keys(status.leader).sort(), ['memberId', 'name']);
    assert.is(status['faultTolerance'], 1);
    assert.is(status.self['name'], name);
    const memberKeys = ['name', 'memberId', 'peerId', 'role', 'health', 'addresses'];
    for (const member of status.members) {
      for (const key of memberKeys) assert.ok(key in member, key);
      assert.is(member['role'], 'voter');
    }
    const listed = (await done(['members', '--json', '-t', address])).trimEnd().split('\n');
    assert.equal(listed.map((line) => parse(line)['name']).sort(), [
      'server1',
      'server2',
      'server3',
    ]);
  }
});

test('transfer-leader moves the leader, and refuses who cannot lead', async () => {
  const leader = await servers.leader();
  const other = servers.all.find((server) => server !== leader) as ServerProcess;
  assert.match(await done(['transfer-leader', other.name]), new RegExp(`^${other.name} leads now`));
  assert.is((await servers.leader()).name, other.name);
  await refused(['transfer-leader', 'nobody'], 1, /no member is named "nobody"; .*server1/);
  await refused(['members', 'remove', 'nobody'], 1, /no member is named "nobody"; .*server1/);
});

test('wrong words are one line that says where help is, and exit code 2', async () => {
  const rows: [string[], RegExp][] = [
    [['appendd'], /unknown command 'appendd'.*--help/],
    [['append'], /append what\? .*-c DATA/],
    [['append', 'a', 'b'], /too many arguments.*append --help/],
    [['append', '-c', 'x', '-t', 'host:99999'], /-t host:99999: .*port/],
    [['append', '-c', 'x', '--timeout', 'soon'], /--timeout.*soon.*5s/],
    [['query', '--from', '0'], /--from.*whole number/],
    [['query', '--limit', 'x'], /--limit.*whole number/],
    [['get'], /missing required argument 'key'/],
    [['put', 'a', 'b', '--if-revision', '-1'], /--if-revision/],
    [['status', '--colour'], /unknown option '--colour'/],
    [['inspect'], /missing required argument 'data-dir'/],
  ];
  for (const [words, pattern] of rows) await refused(words, 2, pattern);
});

test('a record over the limit is refused by its line number, those before stay', async () => {
  const input = `first\n${'x'.repeat(1024 * 1024 + 1)}\n`;
  const { code, err } = await quorate(['append', '-c', '-', '-s', 'limit'], { input });
  assert.is(code, 1);
  assertLines(err, [/line 2 .*1048577 bytes.*at most 1048576/]);
  assert.match(await done(['query', '-s', 'limit']), /^Log entries \(1 total\):\n.*first\n$/);
});

test('the shell takes commands from a pipe and goes on after a mistake', async () => {
  const input = 'write 42\nguess 41\nguess 42\nread\nappend hello there\nbogus\nquery 1 1\nhelp\n';
  const lines = (await done(['shell'], { input })).trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^written, revision \d+$/);
  assert.equal(lines.slice(1, 4), ['no, it is another', 'yes, that is the value', '42']);
  assert.match(lines[4] ?? '', /^sequence \d+, index \d+, term \d+$/);
  assert.match(lines[5] ?? '', /^error: "bogus" is no command; see help$/);
  assert.match(lines[6] ?? '', /^Log entries \(\d+ total\):$/);
  assert.ok(lines.some((line) => line.startsWith('guess VALUE')));
});

test('the shell on a terminal completes names and keeps a history', async () => {
  if (spawnSync(terminalMaker, ['--version']).status !== 0) {
    console.log('skipped: there is no script command to make a terminal');
    return;
  }
  const history = path.join(servers.folder, 'history');
  const keys = [
    { after: 'quorate> ', type: 'sta' },
    { after: 'sta', type: '\t' },
    { after: 'tus ', type: '\r' },
    { after: 'quorate> ', type: 'exit\r' },
  ];
  const environment = { QUORATE_TARGETS: targets, QUORATE_HISTORY: history, TERM: 'xterm' };
  const { code, out } = await quorateOnTerminal(['shell'], keys, { environment });
  assert.is(code, 0);
  assert.match(out, /may fail +1 voter/);
  assert.is(fs.readFileSync(history, 'utf8'), 'status\n');
});

test('members remove takes a server out; inspect reads what a stopped server holds', async () => {
  await refused(['inspect', path.join(servers.folder, 'none')], 1, /holds no log/);
  const leader = await servers.leader();
  const removed = servers.all.find((server) => server !== leader) as ServerProcess;
  const inUse = await quorate(['inspect', removed.data]);
  assert.is(inUse.code, 1);
  assertLines(inUse.err, [/in use by process \d+: stop that server first$/m]);
  const words = ['members', 'remove', removed.name];
  await refused(words, 1, /would leave 1 of 3 voters, .* or members remove --force/);
  assert.match(await done([...words, '--force']), new RegExp(removed.name));
  assert.is(await removed.exit(), 0);
  const rows = (await done(['inspect', removed.data])).trimEnd().split('\n').map(parse);
  assert.is(rows[0]?.['type'], 'segment');
  assert.ok(rows.filter(({ type }) => type === 'entry').length > 5);
});

test('a reader that is slow gets every line, one that leaves early stops the command', async () => {
  const input = Array.from({ length: 4000 }, (_, n) => `${n} ${'x'.repeat(200)}\n`).join('');
  await done(['append', '-c', '-', '-s', 'long'], { input });
  const slow = await quorate(['query', '-s', 'long'], { slowReader: true });
  assert.is(slow.code, 0, slow.err);
  assert.is(slow.out.trimEnd().split('\n').length, 4001);
  assert.match(slow.out, /\n {2}4000 {2}term \d+ {2}3999 x+\n$/);
  const early = await quorate(['query', '-s', 'long'], { charsWanted: 100 });
  assert.is(early.code, 0, early.err);
  assert.is(early.err, '');
});

test('nobody there, or no leader, is exit code 3 within the time given', async () => {
  const nobody = `127.0.0.1:${await freePort()}`;
  const rows: [string[], RegExp][] = [
    [['append', '-t', nobody, '-c', 'x'], /no server answered at \S+ within 1 s .*refused/],
    [['status', '-t', nobody], /no server answered/],
    [['query', '-t', 'nobody.invalid:5555'], /no server answered.*does not resolve/],
  ];
  for (const [words, pattern] of rows) await refused([...words, '--timeout', '1'], 3, pattern);
});

test('without a majority requests end with code 3; status and stale reads answer', async () => {
  const alone = new Servers(['--stabilisation', '300']);
  try {
    for (const name of ['server1', 'server2', 'server3']) await alone.add(name);
    await alone.untilVoters(3);
    const [one, two, three] = alone.all as [ServerProcess, ServerProcess, ServerProcess];
    await (await alone.client()).append('kept');
    await alone.until('three has it', ({ self, appliedIndex, lastIndex }) => {
      return self.name === three.name && appliedIndex === lastIndex;
    });
    await Promise.all([one.kill(), two.kill()]);
    const words = ['-t', three.address, '--timeout', '1500ms'];
    await refused(['append', '-c', 'x', ...words], 3, /leader|majority|answer/i);
    await refused(['get', 'x', ...words], 3, /leader|majority|answer/i);
    await refused(['query', ...words], 3, /leader|majority|answer/i);
    await refused(['members', 'remove', 'server1', ...words], 3, /leader|majority|answer/i);
    const stale = await done(['query', '--stale', '--json', ...words]);
    assert.is(parse(stale)['data'], 'kept');
    await alone.until('three has no leader', ({ leader }) => leader === null);
    const status = await done(['status', ...words]);
    assert.match(status, /leader +none for \d+ m?s \(server\d led last\)/);
    assert.match(
      status,
      /waiting for +a majority: reached 1 of 3 voters; missing: server1 .*, server2 /,
    );
  } finally {
    await alone.stopAll();
  }
});

type Json = Record<string, unknown>;

function parse(line: string): Json {
  return JSON.parse(line) as Json;
}

test.run();
