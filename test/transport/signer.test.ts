/**
 * Signatures: what a server signs, everybody can check by its peer id alone, and nothing else
 * passes, however it is made.
 */

import { privateKeyFromProtobuf, publicKeyFromRaw } from '@libp2p/crypto/keys';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { generatePeerKey, peerIdOfKey } from '../../src/transport/peer-key.js';
import { createSigner } from '../../src/transport/signer.js';
import { bytes } from './transport-world.js';

const test = suite('signatures');

const keyA = await generatePeerKey();
const a = createSigner(keyA);
const b = createSigner(await generatePeerKey());
const word = bytes('a at 10.0.0.1:7000, number 3');
const signature = a.sign(word);

test('what a server signs is checked by its peer id alone', () => {
  assert.is(a.self, peerIdOfKey(keyA));
  assert.ok(a.verify(a.self, word, signature), 'by itself');
  assert.ok(b.verify(a.self, word, signature), 'by another');
  assert.ok(b.verify(a.self, word, signature), 'by a key that is kept');
  assert.ok(b.verify(a.self, new Uint8Array(0), a.sign(new Uint8Array(0))), 'no bytes at all');
});

test('it is the signature of libp2p', async () => {
  const theirs = privateKeyFromProtobuf(keyA);
  assert.ok(a.verify(a.self, word, await theirs.sign(word)));
  assert.ok(await publicKeyFromRaw(theirs.publicKey.raw).verify(word, signature));
});

const changed = (original: Uint8Array, at: number): Uint8Array => {
  const copy = Uint8Array.from(original);
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
};

const rows: [string, string, Uint8Array, Uint8Array][] = [
  ['another id', b.self, word, signature],
  ['other bytes', a.self, changed(word, 0), signature],
  ['a bit of the first half', a.self, word, changed(signature, 5)],
  ['a bit of the second half', a.self, word, changed(signature, 63)],
  ['a short signature', a.self, word, signature.subarray(0, 63)],
  ['a long signature', a.self, word, Buffer.concat([signature, Buffer.from([0])])],
  ['no signature', a.self, word, new Uint8Array(0)],
  ['zeros', a.self, word, new Uint8Array(64)],
  ['no id', '', word, signature],
  ['an id that is none', 'not a peer id', word, signature],
  ['an id of another alphabet', '0OIl', word, signature],
  ['an id with a tail', `${a.self}1`, word, signature],
  ['an id with a head', `1${a.self}`, word, signature],
  ['an RSA id', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N', word, signature],
  ['a very long id', a.self.repeat(10_000), word, signature],
];

for (const [name, peer, text, made] of rows) {
  test(`it is not signed: ${name}`, () => {
    assert.is(b.verify(peer, text, made), false);
    assert.is(a.verify(peer, text, made), false);
  });
}

test('a key that is none is refused', () => {
  assert.throws(() => createSigner(new Uint8Array(10)), /not an Ed25519 private key/);
});

test.run();
