/**
 * Settings from all sources: who wins, what is a fault, and that all faults come at once.
 */

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RawConfig, readConfig, type ServerConfig } from '../../src/server/config.js';

function good(flags: RawConfig, environment: Readonly<Record<string, string>> = {}): ServerConfig {
  const read = readConfig({ flags, environment });
  if (!read.ok) throw new Error(read.faults.join('\n'));
  return read.config;
}

function faults(flags: RawConfig, environment: Readonly<Record<string, string>> = {}): string[] {
  const read = readConfig({ flags, environment });
  return read.ok ? [] : [...read.faults];
}

function withFile<T>(yaml: string, work: (file: string) => T): T {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quorate-config-'));
  try {
    const file = path.join(folder, 'server.yaml');
    fs.writeFileSync(file, yaml);
    return work(file);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

test('nothing said gives the defaults', () => {
  assert.equal(good({}), {
    id: 'server1',
    host: '127.0.0.1',
    port: 5555,
    peers: [],
    secretFile: null,
    secret: null,
    open: false,
    data: 'data/server1',
    cluster: 'quorate',
    zone: null,
    expect: null,
    mdns: true,
    mode: null,
    leader: false,
    electionTimeoutMin: 300,
    electionTimeoutMax: 600,
    heartbeatInterval: 50,
    maxMissedHeartbeats: 0,
    logLevel: 'info',
    recordBytesMax: 1_048_576,
    voters: 5,
    stabilisation: 5000,
    snapshotEntries: 100_000,
  });
});

test('flags win over the environment, the environment over the file', () => {
  withFile('id: from-file\ncluster: from-file\npeers: [a:1, b:2]\nmdns: false\n', (config) => {
    const read = good(
      { config, id: 'from-flag' },
      { QUORATE_ID: 'from-environment', QUORATE_CLUSTER: 'from-environment' },
    );
    assert.is(read.id, 'from-flag');
    assert.is(read.cluster, 'from-environment');
    assert.equal(read.peers, ['a:1', 'b:2']);
    assert.is(read.mdns, false);
    assert.is(read.data, 'data/from-flag');
  });
});

test('an empty environment variable says nothing', () => {
  assert.is(good({}, { QUORATE_PEERS: '', QUORATE_ID: '' }).id, 'server1');
});

test('null from a program says nothing, and a zone is a name like others', () => {
  const said = { id: null, zone: null, expect: null } as unknown as RawConfig;
  assert.equal(good(said), good({}));
  assert.is(good({}, { QUORATE_ZONE: 'eu-1.a' }).zone, 'eu-1.a');
});

test('addresses take their short forms', () => {
  const rows = [
    ['localhost', 'localhost:5555'],
    ['localhost:6000', 'localhost:6000'],
    [':6000', '127.0.0.1:6000'],
    ['[::1]:6000', '[::1]:6000'],
  ] as const;
  for (const [said, meant] of rows) assert.equal(good({ peers: said }).peers, [meant], said);
  assert.equal(good({ peers: ' a:1 , ,b:2' }).peers, ['a:1', 'b:2']);
});

test('missed heartbeats raise the election timeout and keep its spread', () => {
  const read = good({ maxMissedHeartbeats: '20' });
  assert.equal([read.electionTimeoutMin, read.electionTimeoutMax], [1000, 1300]);
  assert.is(good({ maxMissedHeartbeats: '3' }).electionTimeoutMin, 300);
});

test('every fault is told at once, each with where it was said', () => {
  withFile('port: 5\nlog-level: loud\n', (config) => {
    const told = faults(
      { config, listen: 'host:99999', electionTimeoutMin: '700', voters: '4' },
      { QUORATE_MDNS: 'maybe' },
    );
    const expected = [
      /^--listen: /,
      /^QUORATE_MDNS: "maybe" is neither yes nor no/,
      /^config file: log-level: "loud" is unknown; it should be one of error, warn, info, debug/,
      /^config file: unknown setting "port"/,
      /^election-timeout-max \(600\) is below election-timeout-min \(700\)/,
      /^voters \(4\) should be odd/,
    ];
    assert.is(told.length, expected.length, told.join('\n'));
    for (const pattern of expected) {
      assert.ok(
        told.some((fault) => pattern.test(fault)),
        String(pattern),
      );
    }
  });
});

test('single faults', () => {
  const rows: readonly [RawConfig, RegExp][] = [
    [{ id: 'a b' }, /--id: "a b" is not a name/],
    [{ zone: 'rack 3' }, /--zone: "rack 3" is not a name/],
    [{ zone: 'z'.repeat(65) }, /--zone: "z+" is not a name/],
    [{ mode: 'soap' }, /--mode: "soap" is unknown; it should be one of native, grpc/],
    [{ heartbeatInterval: '0' }, /--heartbeat-interval: "0" is not a whole number from 1/],
    [{ heartbeatInterval: '' }, /--heartbeat-interval: "" is not a whole number/],
    [{ electionTimeoutMin: '100' }, /below three heartbeats/],
    [{ expect: '3', mdns: '0' }, /expect \(3\) needs peers or mDNS/],
    [{ expect: '3', leader: '1' }, /expect and leader exclude each other/],
    [{ expect: '0' }, /--expect: "0" is not a whole number from 1/],
    [{ recordBytesMax: '99999999' }, /--record-bytes-max/],
    [{ config: '/nowhere/at/all.yaml' }, /config file \/nowhere\/at\/all.yaml: ENOENT/],
  ];
  for (const [flags, pattern] of rows) assert.match(faults(flags).join('\n'), pattern);
});

test('a file that is no YAML, or no list of settings, is a fault', () => {
  withFile('id: [unclosed', (config) => assert.match(faults({ config }).join(), /config file .*:/));
  withFile('- a\n- b\n', (config) => {
    assert.match(faults({ config }).join(), /it should be a list of "setting: value"/);
  });
  withFile('', (config) => assert.equal(faults({ config }), []));
});

test.run();
