/**
 * The greeting: each field within and outside its limits.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Hello } from '../../src/wire/hello.js';
import { decodeHello, encodeHello, helloBytesMax } from '../../src/wire/hello-codec.js';
import { WireError } from '../../src/wire/wire-error.js';
import { hello } from './arbitraries.js';
import { codecSuite } from './codec-suite.js';

codecSuite(test, {
  name: 'hello',
  values: hello,
  encode: encodeHello,
  decode: decodeHello,
  canonical: false,
});

const good: Hello = {
  clusterName: 'c',
  clusterId: 'ab'.repeat(32),
  memberId: 3,
  incarnation: '0123456789abcdef',
  name: 'n',
  version: '0.1.0',
  protocol: 1,
  addresses: ['10.0.0.1:4000'],
};

const faults: [string, object][] = [
  ['no cluster name', { clusterName: '' }],
  ['a long cluster name', { clusterName: 'x'.repeat(129) }],
  ['a cluster name of two lines', { clusterName: 'a\nb' }],
  ['a cluster id that is not hex', { clusterId: `${'ab'.repeat(31)}zz` }],
  ['a short cluster id', { clusterId: 'ab' }],
  ['a cluster id too long', { clusterId: 'ab'.repeat(33) }],
  ['a cluster id left out', { clusterId: undefined }],
  ['member 0', { memberId: 0 }],
  ['half a member', { memberId: 1.5 }],
  ['no incarnation', { incarnation: null }],
  ['an upper-case incarnation', { incarnation: '0123456789ABCDEF' }],
  ['a long name', { name: 'ä'.repeat(65) }],
  ['a name with an escape', { name: 'a\u001b[0m' }],
  ['a protocol that is no number', { protocol: '1' }],
  ['too many addresses', { addresses: Array(33).fill('a:1') }],
  ['an address too long', { addresses: ['a'.repeat(263)] }],
  ['addresses that are no list', { addresses: 'a:1' }],
  ['a life that is no object', { life: 'ab'.repeat(8) }],
  ['a life without its word', { life: { heard: true } }],
  ['a short word', { life: { word: 'ab'.repeat(7), heard: true } }],
  ['a long word', { life: { word: 'ab'.repeat(9), heard: true } }],
  ['a life that was neither heard nor not', { life: { word: 'ab'.repeat(8) } }],
];

for (const [name, change] of faults) {
  test(`refused: ${name}`, () => {
    const bytes = Buffer.from(JSON.stringify({ ...good, ...change }));
    assert.throws(() => decodeHello(bytes), isWireError);
  });
}

test('what stands next to the fault is fine', () => {
  assert.equal(decodeHello(Buffer.from(JSON.stringify(good))), good);
});

test('a server from before lives were told greets as before', () => {
  assert.not.ok('life' in decodeHello(encodeHello(good)));
  const life = { word: 'ab'.repeat(8), heard: false };
  assert.equal(decodeHello(encodeHello({ ...good, life })), { ...good, life });
});

test('a field that a newer version added is passed over', () => {
  assert.equal(decodeHello(Buffer.from(JSON.stringify({ ...good, colour: 'red' }))), good);
});

test('addresses that do not fit are left out, the last first', () => {
  const forty = Array.from({ length: 40 }, (_, i) => `10.0.0.${i}:4000`);
  assert.equal(
    decodeHello(encodeHello({ ...good, addresses: forty })).addresses,
    forty.slice(0, 32),
  );
  const long = Array.from({ length: 32 }, (_, i) => `${i}${'x'.repeat(250)}:1`);
  const bytes = encodeHello({ ...good, addresses: long });
  assert.ok(bytes.length <= helloBytesMax);
  const read = decodeHello(bytes).addresses;
  assert.ok(read.length > 10 && read.length < 32);
  assert.equal(read, long.slice(0, read.length));
});

test('a greeting that the other side would refuse is not sent', () => {
  assert.throws(() => encodeHello({ ...good, name: '' }), isWireError);
  assert.throws(() => encodeHello({ ...good, clusterName: 'x'.repeat(9000) }), isWireError);
});

test('more than 4 KiB are refused unread', () => {
  const bytes = Buffer.concat([
    Buffer.from(JSON.stringify(good)),
    Buffer.alloc(helloBytesMax, 0x20),
  ]);
  assert.throws(() => decodeHello(bytes), isWireError);
  decodeHello(bytes.subarray(0, helloBytesMax));
});

function isWireError(error: unknown): boolean {
  return error instanceof WireError;
}

test.run();
