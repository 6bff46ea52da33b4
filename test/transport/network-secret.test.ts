/**
 * The text of a secret and its keys, and the keystream that they stand for, against vectors of
 * NaCl's own tests.
 */

import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import { HandshakeRate } from '../../src/transport/handshake-rate.js';
import { Keystream, opens } from '../../src/transport/keystream.js';
import { newSecretText, parseSecret } from '../../src/transport/network-secret.js';

const test = suite('secrets of the network');

const key = (digit: string): string => `/key/swarm/psk/1.0.0/\n/base16/\n${digit.repeat(64)}\n`;

test('a new secret has the form of a swarm key, and is never the same twice', () => {
  const text = newSecretText();
  assert.match(text, /^\/key\/swarm\/psk\/1\.0\.0\/\n\/base16\/\n[0-9a-f]{64}\n$/);
  assert.is.not(text, newSecretText());
  assert.is(Buffer.from(parseSecret(text).spoken).toString('hex'), text.split('\n')[2]);
});

test('the first key is spoken, all are understood, and each has an id of its own', () => {
  const secret = parseSecret(`${key('a')}\r\n${key('B').replaceAll('\n', '\r\n')}`);
  assert.is(secret.spoken[0], 0xaa);
  assert.equal(
    secret.understood.map((one) => one[31]),
    [0xaa, 0xbb],
  );
  assert.is(new Set(secret.ids).size, 2);
  assert.equal(secret.ids, [...parseSecret(key('a')).ids, ...parseSecret(key('b')).ids]);
});

const secretDigits = 'c0ffee'.repeat(11);
const wrong: [string, string, RegExp][] = [
  ['nothing', '', /it is empty/],
  ['white space', ' \n\n', /it is empty/],
  ['a key alone', secretDigits.slice(0, 64), /line 1 should be \/key\/swarm/],
  ['another base', key('a').replace('16', '64'), /line 2 should be \/base16\//],
  ['a short key', key('a').replace('aa\n', '\n'), /line 3 should be a key: 64 hex/],
  ['what is no hexadecimal', key('g'), /line 3 should be a key/],
  ['a long key', key('a').replace('a\n', `${secretDigits}\n`), /line 3 should be a key/],
  ['half of a second key', `${key('a')}/key/swarm/psk/1.0.0/\n`, /ends within a key/],
  ['too many keys', 'abcde'.split('').map(key).join('\n'), /holds 5 keys, at most 4/],
  ['other text', 'password: c0ffee', /line 1 should be/],
];

for (const [what, text, expected] of wrong) {
  test(`${what} is no secret, and the refusal says where without saying what`, () => {
    try {
      parseSecret(text);
      assert.unreachable('it was taken');
    } catch (error) {
      const { message } = error as Error;
      assert.match(message, expected);
      assert.not.match(message, /c0ffee|aaaa|gggg|\n/);
    }
  });
}

test('neither JSON nor an inspection shows a key', () => {
  const secret = parseSecret(key('a'));
  for (const shown of [JSON.stringify({ secret }), inspect(secret, true, 9), String(secret)]) {
    assert.not.match(shown, /aaaa|170|\baa\b/);
  }
  for (const id of secret.ids) assert.match(id, /^[0-9a-f]{16}$/);
});

// NaCl's tests/stream.c: a key, a nonce, and the SHA-256 of the first 4 MiB.
const vector = {
  key: '1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389',
  nonce: '69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37',
  digest: '662b9d0e3463029156069b12f918691a98f7dfb2ca0393c96bbfc6b1fbd630a2',
};
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

test('the keystream is that of XSalsa20, however it is cut into pieces', () => {
  const length = 4 * 1024 * 1024;
  const rng = new Rng(5);
  const pieces = [() => length, () => 1 + rng.below(300), () => 1 + rng.below(20_000)];
  for (const piece of pieces) {
    const stream = new Keystream(bytesOf(vector.key), bytesOf(vector.nonce));
    const whole = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const end = Math.min(length, at + piece());
      stream.apply(whole.subarray(at, end));
      at = end;
    }
    assert.is(createHash('sha256').update(whole).digest('hex'), vector.digest);
  }
});

test('the first words tell whether a key fits', () => {
  const words = new TextEncoder().encode('first words');
  const sealed = Uint8Array.from([...words, 1, 2, 3]);
  const [right, nonce] = [bytesOf(vector.key), bytesOf(vector.nonce)];
  new Keystream(right, nonce).apply(sealed);
  assert.ok(opens({ key: right, nonce }, sealed, words));
  assert.not.ok(opens({ key: new Uint8Array(32), nonce }, sealed, words));
  assert.not.ok(opens({ key: right, nonce: new Uint8Array(24) }, sealed, words));
});

test('no stream goes past its last block: it says so before', () => {
  const last = 2 ** 32 - 100;
  const stream = new Keystream(bytesOf(vector.key), bytesOf(vector.nonce), last);
  assert.ok(stream.covers(64));
  stream.apply(new Uint8Array(64));
  assert.not.ok(stream.covers(64));
  assert.throws(() => stream.apply(new Uint8Array(64)), /used up/);
});

test('a host has a burst and then its pace, others are untouched, and all is forgotten', () => {
  const rate = new HandshakeRate(10);
  const taken = (host: string): number => {
    let count = 0;
    while (rate.take(host)) count += 1;
    return count;
  };
  assert.is(taken('192.0.2.1'), 50);
  assert.is(taken('192.0.2.2'), 50);
  rate.tick(1000);
  assert.is(taken('192.0.2.1'), 10);
  assert.is(rate.hosts, 2);
  for (let i = 0; i < 20; i += 1) rate.tick(250);
  assert.is(rate.hosts, 0);
  assert.is(taken('192.0.2.1'), 50);
});

test.run();
