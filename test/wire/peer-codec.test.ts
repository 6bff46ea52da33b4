/**
 * What servers say beside Raft: round trips, hostile JSON, limits.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandBytesMax } from '../../src/base/limits.js';
import {
  controlBytesMax,
  decodeControl,
  decodeForward,
  encodeControl,
  encodeForward,
  peersMax,
} from '../../src/wire/peer-codec.js';
import type { ControlMessage } from '../../src/wire/peer-messages.js';
import { WireError } from '../../src/wire/wire-error.js';
import { control, forward } from './arbitraries.js';
import { codecSuite, hex } from './codec-suite.js';

codecSuite(test, {
  name: 'forward',
  values: forward,
  encode: encodeForward,
  decode: decodeForward,
  canonical: true,
});

codecSuite(test, {
  name: 'control',
  values: control,
  encode: encodeControl,
  decode: decodeControl,
  canonical: false,
});

const text = (value: string) => Buffer.from(value);

test('golden bytes: execute and executed', () => {
  assert.is(
    hex(encodeForward({ type: 'execute', ref: 5, command: new Uint8Array([1, 1]) })),
    '0105000000000000000101',
  );
  assert.is(
    hex(encodeForward({ type: 'executed', ref: 5, reply: { kind: 'closed', index: 1, term: 2 } })),
    '0205000000000000000201000000000000000200000000000000',
  );
});

test('a forwarded command over the limit is refused on both sides', () => {
  const command = new Uint8Array(commandBytesMax + 1);
  assert.throws(() => encodeForward({ type: 'execute', ref: 1, command }), isWireError);
  const bytes = new Uint8Array(9 + commandBytesMax + 1);
  bytes[0] = 1;
  assert.throws(() => decodeForward(bytes), isWireError);
});

const hostile = [
  '{"type":"peers","peers":[],"__proto__":{"polluted":1}}',
  '{"__proto__":{"type":"peers","peers":[]}}',
  '{"type":"peers","peers":[{"__proto__":{"peerId":"a","addresses":[]}}]}',
  '{"type":"join","ref":1,"member":{"__proto__":{"polluted":1},"constructor":{"prototype":{}},' +
    '"peerId":"p","incarnation":"0123456789abcdef","name":"n"}}',
  '{"type":"removed","memberId":1,"index":1,"constructor":{"prototype":{"polluted":1}}}',
  '{"type":"done","ref":1,"message":"m","toString":"x","hasOwnProperty":1}',
];

test('__proto__ and constructor as keys have no effect (CHECKS 47)', () => {
  for (const row of hostile) {
    let value: object = {};
    try {
      value = decodeControl(text(row));
    } catch (error) {
      assert.instance(error, WireError);
    }
    assert.is(Object.getPrototypeOf(value), Object.prototype);
    assert.is((value as { polluted?: unknown }).polluted, undefined);
    assert.is(({} as { polluted?: unknown }).polluted, undefined);
  }
  assert.throws(() => decodeControl(text(hostile[1] as string)), isWireError);
  assert.throws(() => decodeControl(text(hostile[2] as string)), isWireError);
});

test('a field is looked for in the message alone, never on the prototype', () => {
  const prototype = Object.prototype as { ref?: unknown };
  prototype.ref = 7;
  try {
    assert.throws(() => decodeControl(text('{"type":"done","message":"m"}')), isWireError);
  } finally {
    Reflect.deleteProperty(prototype, 'ref');
  }
});

test('a negative zero is a zero', () => {
  const read = decodeControl(text('{"type":"done","ref":-0,"message":"m"}'));
  assert.ok(read.type === 'done' && Object.is(read.ref, 0));
});

test('JSON nested 100,000 deep is refused without a stack overflow (CHECKS 47)', () => {
  const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  assert.throws(() => decodeControl(text(nested)), isWireError);
  assert.equal(decodeControl(text(`{"type":"peers","x":${nested},"peers":[]}`)), {
    type: 'peers',
    peers: [],
  });
});

const malformed = [
  '',
  'null',
  '[]',
  '"peers"',
  '{}',
  '{"type":"unknown"}',
  '{"type":["peers"],"peers":[]}',
  '{"type":"peers","peers":{}}',
  '{"type":"peers","peers":[null]}',
  '{"type":"peers","peers":[{"peerId":"","addresses":[]}]}',
  '{"type":"peers","peers":[{"peerId":"p","addresses":["a\\n"]}]}',
  '{"type":"removed","memberId":0,"index":1}',
  '{"type":"removed","memberId":1.5,"index":1}',
  '{"type":"removed","memberId":9007199254740992,"index":1}',
  '{"type":"removed","memberId":"1","index":1}',
  '{"type":"removed","memberId":1e400,"index":1}',
  '{"type":"join","ref":1,"member":{"peerId":"p","incarnation":"XYZ","name":"n"}}',
  '{"type":"join","ref":-1,"member":{"peerId":"p","incarnation":"0123456789abcdef","name":"n"}}',
  '{"type":"refused","ref":1,"refusal":{"code":"toString","message":"m"}}',
  '{"type":"refused","ref":1,"refusal":{"code":"TIMEOUT","message":"\\ud800"}}',
  '{"type":"joined","ref":1,"clusterId":"0123456789abcdef","memberId":1,"lastIndex":1,"peers":[]}',
];

for (const row of malformed) {
  test(`refused: ${row}`, () => assert.throws(() => decodeControl(text(row)), isWireError));
}

test('a list of too many peers is cut when written and refused when read', () => {
  const peers = Array.from({ length: peersMax + 1 }, (_, i) => {
    return { peerId: `p${i}`, addresses: Array<string>(40).fill('a:1') };
  });
  const read = decodeControl(encodeControl({ type: 'peers', peers }));
  assert.ok(read.type === 'peers' && read.peers.length === peersMax);
  assert.ok(read.type === 'peers' && read.peers[0]?.addresses.length === 32);
  const bytes = text(JSON.stringify({ type: 'peers', peers }));
  assert.throws(() => decodeControl(bytes), isWireError);
});

test('a refusal for people is made to fit', () => {
  const message: ControlMessage = {
    type: 'refused',
    ref: 1,
    refusal: {
      code: 'OVERLOADED',
      message: `a\nb${'x'.repeat(5000)}`,
      retryAfterMillis: 1.2,
      leader: { name: 'n', addresses: Array<string>(50).fill('a:1') },
    },
  };
  const read = decodeControl(encodeControl(message));
  assert.ok(read.type === 'refused');
  assert.is(read.refusal.message.length, 1024);
  assert.is(read.refusal.retryAfterMillis, 2);
  assert.is(read.refusal.leader?.addresses.length, 32);
});

test('a control message over its limit is refused before it is parsed', () => {
  const bytes = Buffer.alloc(controlBytesMax + 1, 0x20);
  assert.throws(() => decodeControl(bytes), isWireError);
});

function isWireError(error: unknown): boolean {
  return error instanceof WireError;
}

test.run();
