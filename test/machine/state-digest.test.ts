/**
 * The digest of the state: what differs, differs; the same is the same everywhere.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { StateDigest } from '../../src/machine/state-digest.js';

type Step = (digest: StateDigest) => void;

const n =
  (value: number): Step =>
  (digest) =>
    digest.number(value);
const b =
  (...values: number[]): Step =>
  (digest) =>
    digest.bytes(new Uint8Array(values));
const t =
  (value: string): Step =>
  (digest) =>
    digest.text(value);

function hexOf(...steps: Step[]): string {
  const digest = new StateDigest();
  for (const step of steps) step(digest);
  return digest.hex();
}

test('the digest of the same is the same, here and on every machine', () => {
  assert.match(hexOf(), /^[0-9a-f]{32}$/);
  assert.is(hexOf(n(1), t('a')), hexOf(n(1), t('a')));
  assert.is(hexOf(n(2 ** 40 + 5), b(1, 2, 3, 4, 5), t('Aé')), golden);
});

const golden = '581f69a28186d4a7975fe8cc9be737fc';

test('everything that differs gives another digest', () => {
  const inputs: Step[][] = [
    [],
    [n(0)],
    [n(0), n(0)],
    [n(1)],
    [n(2 ** 32)],
    [n(2 ** 32 + 1)],
    [n(2 ** 53 - 1)],
    [n(1), n(2)],
    [n(2), n(1)],
    [b()],
    [b(0)],
    [b(0, 0)],
    [b(0), b(0)],
    [b(1, 2, 3, 4)],
    [b(1, 2, 3, 4, 0)],
    [b(4, 3, 2, 1)],
    [b(1, 2), b(3, 4)],
    [b(1), b(2, 3, 4)],
    [t('')],
    [t('a')],
    [t('ab')],
    [t('a'), t('b')],
    [t('ba')],
  ];
  // t('') and b() and n(0) all write a zero: what kind a field is, its place says.
  const hexes = inputs.map((steps) => hexOf(...steps));
  const same = new Set([hexOf(n(0)), hexOf(b()), hexOf(t(''))]);
  assert.is(same.size, 1);
  assert.is(new Set(hexes).size, inputs.length - 2);
});

test('a hundred thousand numbers in sequence do not collide', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 100_000; i++) seen.add(hexOf(n(i)));
  assert.is(seen.size, 100_000);
});

test('every bit of the input moves about half of the output', () => {
  const zero = BigInt(`0x${hexOf(b(0, 0, 0, 0, 0, 0, 0, 0))}`);
  for (let bit = 0; bit < 64; bit++) {
    const bytes = new Array<number>(8).fill(0);
    bytes[bit >> 3] = 1 << (bit & 7);
    let moved = BigInt(`0x${hexOf(b(...bytes))}`) ^ zero;
    let count = 0;
    for (; moved > 0n; moved >>= 1n) count += Number(moved & 1n);
    assert.ok(count > 30 && count < 98, `bit ${bit} moves ${count} of 128`);
  }
});

test.run();
