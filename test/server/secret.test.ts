/**
 * Secrets in files and settings: who may read the file, what is said of a wrong one, and that a
 * server which others can reach is closed by a secret or said to be open.
 */

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readConfig, type ServerConfig } from '../../src/server/config.js';
import { exposureWarning } from '../../src/server/exposure.js';
import { readSecretFile, secretIds, writeNewSecret } from '../../src/server/secret-file.js';

const key = `/key/swarm/psk/1.0.0/\n/base16/\n${'ab'.repeat(32)}\n`;

function inFolder(work: (folder: string) => void): void {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'quorate-secret-'));
  try {
    work(folder);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was refused';
}

test('a new secret is for its owner alone, and never takes the place of another', () => {
  inFolder((folder) => {
    const file = path.join(folder, 'secret.key');
    writeNewSecret(file);
    assert.is(fs.statSync(file).mode & 0o777, 0o600);
    assert.is(secretIds(file).length, 1);
    const before = readSecretFile(file);
    assert.match(
      refusal(() => writeNewSecret(file)),
      /secret\.key is there already/,
    );
    assert.is(readSecretFile(file), before);
    assert.match(
      refusal(() => writeNewSecret(path.join(folder, 'no', 'such'))),
      /cannot be written: ENOENT/,
    );
  });
});

test('a file of ours that others may read or write is refused, with the way to mend it', () => {
  inFolder((folder) => {
    const file = path.join(folder, 'secret.key');
    fs.writeFileSync(file, key);
    for (const mode of [0o644, 0o640, 0o604, 0o620, 0o601, 0o660]) {
      fs.chmodSync(file, mode);
      const told = refusal(() => readSecretFile(file));
      const shown = `0${mode.toString(8)}`;
      assert.ok(told.includes(`(mode ${shown}): chmod 600 ${file}`), told);
    }
    for (const mode of [0o600, 0o400]) {
      fs.chmodSync(file, mode);
      assert.is(readSecretFile(file), key);
    }
  });
});

test('a file of another owner is that owner’s business, as containers have it', () => {
  if (process.getuid?.() !== 0) return;
  inFolder((folder) => {
    const file = path.join(folder, 'secret.key');
    fs.writeFileSync(file, key, { mode: 0o644 });
    fs.chownSync(file, 65534, 65534);
    assert.is(readSecretFile(file), key);
  });
});

test('what is no secret is one line that names the file and shows nothing of it', () => {
  inFolder((folder) => {
    const at = (name: string, text: string): string => {
      const file = path.join(folder, name);
      fs.writeFileSync(file, text, { mode: 0o600 });
      return file;
    };
    const rows: [string, RegExp][] = [
      [path.join(folder, 'none'), /none: no such file; to make one: quorate secret new .*none$/],
      [folder, /it is a folder/],
      [at('empty', ''), /empty: this is no secret: it is empty/],
      [at('word', 'hunter2\n'), /word: this is no secret: line 1 should be/],
      [at('long', 'x'.repeat(70_000)), /long: it is too long/],
      [at('short', key.slice(0, -2)), /short: .*line 3 should be a key/],
    ];
    fs.chmodSync(folder, 0o700);
    for (const [file, expected] of rows) {
      const told = refusal(() => readSecretFile(file));
      assert.match(told, expected);
      assert.not.match(told, /hunter2|abab|\n/);
    }
  });
});

type Row = [listen: string, more: Readonly<Record<string, unknown>>, mayStart: boolean];

test('an address that others reach wants a secret or the word open; loopback wants nothing', () => {
  inFolder((folder) => {
    const secretFile = path.join(folder, 'secret.key');
    writeNewSecret(secretFile);
    const rows: Row[] = [
      ['127.0.0.1:0', {}, true],
      ['127.8.8.8:0', {}, true],
      ['localhost:0', {}, true],
      ['[::1]:0', {}, true],
      ['0.0.0.0:0', {}, false],
      ['[::]:0', {}, false],
      ['192.0.2.1:0', {}, false],
      ['127.evil.example:0', {}, false],
      ['host.example:0', {}, false],
      ['0.0.0.0:0', { open: true }, true],
      ['0.0.0.0:0', { open: 'no' }, false],
      ['0.0.0.0:0', { secretFile }, true],
      ['0.0.0.0:0', { secretFile, open: true }, true],
    ];
    for (const [listen, more, mayStart] of rows) {
      const read = readConfig({ flags: { listen, ...more }, environment: {} });
      const what = `${listen} ${JSON.stringify(more)}`;
      assert.is(read.ok, mayStart, what);
      if (read.ok) {
        const isOpen = exposureWarning(read.config) !== null;
        assert.is(isOpen, listen.startsWith('0.') && !('secretFile' in more), what);
      } else {
        assert.is(read.faults.length, 1);
        assert.match(read.faults[0] as string, /^listen: .*--secret-file FILE.*--open$/);
      }
    }
  });
});

test('the secret comes from a flag, the environment, the YAML file, or the program', () => {
  inFolder((folder) => {
    const secretFile = path.join(folder, 'secret.key');
    writeNewSecret(secretFile);
    const yaml = path.join(folder, 'server.yaml');
    fs.writeFileSync(yaml, `secret-file: ${secretFile}\n`);
    const text = readSecretFile(secretFile);
    const idsOf = (read: ReturnType<typeof readConfig>): unknown =>
      read.ok ? (read.config as ServerConfig).secret?.ids : read.faults;
    const expected = secretIds(secretFile);
    const environment = { QUORATE_SECRET_FILE: secretFile };
    assert.equal(idsOf(readConfig({ flags: { secretFile }, environment: {} })), expected);
    assert.equal(idsOf(readConfig({ flags: {}, environment })), expected);
    assert.equal(idsOf(readConfig({ flags: { config: yaml }, environment: {} })), expected);
    assert.equal(idsOf(readConfig({ flags: {}, environment: {}, secret: text })), expected);
  });
});

test('a secret that cannot be read is the one fault told, wherever the server listens', () => {
  const flags = { listen: '0.0.0.0:1', secretFile: '/no/such/secret.key' };
  const read = readConfig({ flags, environment: {} });
  assert.equal(read.ok ? [] : read.faults, [
    'secret-file: /no/such/secret.key: no such file; to make one: quorate secret new ' +
      '/no/such/secret.key',
  ]);
  const given = readConfig({ flags: {}, environment: {}, secret: 'hunter2' });
  assert.not.ok(given.ok);
  assert.not.match(JSON.stringify(given), /hunter2/);
});

test.run();
