/**
 * What a person can get wrong when starting a server, with the real program: settings, ports and
 * data folders. Every fault is one line that says what to do, the exit code is right, and what was
 * there before is still there afterwards.
 */

// time limit: 90 s

import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertLines, quorate } from './commands.js';
import { recordsAt, type ServerProcess, Servers } from './servers.js';

const quick = ['--stabilisation', '300'];
const isRoot = process.getuid?.() === 0;
const nobody = 65_534;

test('every fault in the settings is told at once with its source; exit code 2', async () => {
  const servers = new Servers();
  const data = ['--data', path.join(servers.folder, 'none')];
  const yaml = (name: string, text: string): string => {
    const file = path.join(servers.folder, name);
    fs.writeFileSync(file, text);
    return file;
  };
  const bad = yaml('bad.yaml', 'voters: 4\ncolour: blue\nlisten: 1.2.3\nmdns: perhaps\n');
  const broken = yaml('broken.yaml', 'listen: [1\n');
  const list = yaml('list.yaml', '- one\n- two\n');
  const faultless = { QUORATE_PEERS: '', QUORATE_EXPECT: '1' };
  const rows: [string, string[], Record<string, string>, RegExp[]][] = [
    [
      'flags',
      ['--mode', 'soap', '--voters', '4', '-a', 'x:y', '-p', 'a b', '--heartbeat-interval', '0'],
      {},
      [
        /--mode: "soap"/,
        /voters \(4\)/,
        /--listen: .*"x:y"/,
        /--peers: .*"a b"/,
        /--heartbeat-int/,
      ],
    ],
    [
      'environment',
      [],
      { QUORATE_MDNS: 'maybe', QUORATE_LISTEN: 'host:70000', QUORATE_ID: 'a b' },
      [/QUORATE_MDNS: "maybe"/, /QUORATE_LISTEN: .*70000/, /QUORATE_ID: "a b"/],
    ],
    [
      'all three',
      ['--config', bad, '--log-level', 'loud'],
      { QUORATE_VOTERS: 'many' },
      [
        /unknown setting "colour"/,
        /listen: .*1\.2\.3/,
        /mdns: "perhaps"/,
        /--log-level/,
        /QUORATE_VO/,
      ],
    ],
    ['a file that is no YAML', ['--config', broken], {}, [/config file .*broken\.yaml: \S/]],
    ['a file of another shape', ['--config', list], {}, [/list\.yaml: it should be/]],
    ['no file', ['--config', 'no/such.yaml'], {}, [/no\/such\.yaml: .*no such file/]],
    ['a MODE nobody knows', ['--mode', 'soap'], faultless, [/"soap" is unknown.*native, grpc/]],
    [
      'times that do not fit each other',
      ['--election-timeout-min', '100', '--election-timeout-max', '90'],
      {},
      [/election-timeout-max \(90\) is below/, /below three heartbeats/],
    ],
    ['a flag nobody knows', ['--colour', 'blue'], {}, [/unknown option '--colour'.*--help/]],
  ];
  try {
    for (const [what, words, environment, patterns] of rows) {
      const { code, out, err } = await quorate(['start', ...data, ...words], { environment });
      assert.is(code, 2, `${what}: ${err}`);
      assert.is(out, '', what);
      assertLines(err, patterns, what);
    }
    assert.not.ok(fs.existsSync(path.join(servers.folder, 'none')), 'no folder was made');
  } finally {
    await servers.stopAll();
  }
});

test('flags win over the environment, the environment over the file', async () => {
  const servers = new Servers();
  try {
    const file = path.join(servers.folder, 'server.yaml');
    fs.writeFileSync(file, 'id: by-file\ncluster: by-file\nlog-level: error\nmode: grpc\n');
    const server = await servers.place('by-flag');
    const environment = { QUORATE_CLUSTER: 'by-environment', QUORATE_LOG_LEVEL: 'error' };
    await server.start({ flags: ['--config', file, '--log-level', 'info'], environment });
    const listening = await server.says('listening');
    assert.is(listening['name'], 'by-flag');
    assert.is(listening['cluster'], 'by-environment');
    // MODE is accepted: one line, and it goes on.
    const told = server.lines.filter(({ msg }) => msg.includes('MODE=grpc'));
    assert.is(told.length, 1);
    assert.match(String(told[0]?.msg), /no grpc front end yet; serving the native protocol/);
    const client = await servers.client();
    assert.is((await client.append('served')).seq, 1);
  } finally {
    await servers.stopAll();
  }
});

test('a port in use founds nothing, and the folder joins once the port is right', async () => {
  const servers = await Servers.cluster(1, quick);
  try {
    const [first] = servers.all as [ServerProcess];
    const second = await servers.place('server2');
    second.launch({ flags: ['--listen', first.address] });
    assert.is(await second.exit(), 1);
    assertLines(second.plain.join('\n'), [
      /cannot listen on .*: port \d+ is in use; .*another port/,
    ]);
    assert.not.ok(second.lines.some(({ msg }) => msg === 'founded a cluster'));
    await servers.start(second);
    await second.says('joined the cluster');
    const status = await servers.until('both', ({ members }) => members.length === 2);
    assert.equal(
      status.members.map(({ name }) => name),
      ['server1', 'server2'],
    );
  } finally {
    await servers.stopAll();
  }
});

test('an address that is not of this machine, or has no number, is one line', async () => {
  const servers = new Servers();
  try {
    const data = ['--no-mdns', '--open', '--data', path.join(servers.folder, 'data')];
    const foreign = await quorate(['start', '-a', '192.0.2.1:5555', ...data]);
    assert.is(foreign.code, 1);
    assertLines(lastOf(foreign.err), [/cannot listen on 192\.0\.2\.1:5555: .*no such address/]);
    const unknown = await quorate(['start', '-a', 'nobody.invalid:5555', ...data]);
    assert.is(unknown.code, 1);
    assertLines(lastOf(unknown.err), [/nobody\.invalid/]);
  } finally {
    await servers.stopAll();
  }
});

test('a data folder that cannot be used is one line that names it', async () => {
  const servers = new Servers();
  try {
    const file = path.join(servers.folder, 'file');
    fs.writeFileSync(file, 'not a folder');
    const closed = path.join(servers.folder, 'closed');
    fs.mkdirSync(closed, { mode: 0o500 });
    fs.chmodSync(servers.folder, 0o755);
    const rows: [string, RegExp][] = [
      [file, /file cannot be used: .*is a file.*--data/],
      [path.join(file, 'below'), /below cannot be used: .*is a file.*--data/],
      [closed, /closed cannot be used \(EACCES\): .*--data/],
    ];
    for (const [data, pattern] of rows) {
      // Root may write everywhere, so it becomes nobody for that one.
      const as = isRoot && data === closed ? { uid: nobody } : {};
      const { code, err } = await quorate(['start', '--no-mdns', '-a', ':0', '--data', data], as);
      assert.is(code, 1, err);
      assertLines(err, [pattern], data);
    }
    assert.is(fs.readFileSync(file, 'utf8'), 'not a folder');
  } finally {
    await servers.stopAll();
  }
});

test('a data folder of another cluster or server is refused, and stays as it was', async () => {
  const servers = await Servers.cluster(1);
  try {
    const [server] = servers.all as [ServerProcess];
    await (await servers.client()).append('mine');
    assert.is(await server.stop(), 0);
    const before = identityOf(server);
    const rows: [string[], RegExp][] = [
      [['--cluster', 'other'], /belongs to cluster "quorate", not "other": .*--cluster quorate/],
      [['--id', 'server9'], /belongs to server "server1", not "server9": .*--id server1/],
    ];
    for (const [flags, pattern] of rows) {
      server.plain.length = 0;
      server.launch({ flags });
      assert.is(await server.exit(), 1);
      assertLines(server.plain.join('\n'), [pattern]);
    }
    assert.is(identityOf(server), before);
    await servers.start(server);
    await servers.leader();
    assert.equal(await recordsAt(server.address), ['mine']);
  } finally {
    await servers.stopAll();
  }
});

test('one process at a time on a folder; after kill -9 the next one has it at once', async () => {
  const servers = await Servers.cluster(1);
  try {
    const [first] = servers.all as [ServerProcess];
    await (await servers.client()).append('kept');
    const second = await quorate(['start', '--no-mdns', '-a', ':0', '--data', first.data]);
    assert.is(second.code, 1);
    assertLines(second.err, [new RegExp(`is in use by process ${first.pid}: stop it first`)]);
    await first.kill();
    await servers.start(first);
    await servers.leader();
    assert.equal(await recordsAt(first.address), ['kept']);
  } finally {
    await servers.stopAll();
  }
});

/** The last line: log lines may come before it. */
function lastOf(told: string): string {
  return told.trimEnd().split('\n').at(-1) ?? '';
}

function identityOf(server: ServerProcess): string {
  return fs.readFileSync(path.join(server.data, 'identity.json'), 'utf8');
}

test.run();
