/**
 * Feeds a decoder with damaged and with random bytes. FUZZ_RUNS says how many (50,000 by default).
 * A decoder may throw WireError and nothing else; what it does accept must, where the format is
 * canonical, be written back as the same bytes. The seed is fixed; a failure prints the input.
 */

import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import { WireError } from '../../src/wire/wire-error.js';

/** How many inputs each fuzzer tries. */
const fuzzRuns = Number(process.env['FUZZ_RUNS'] ?? 50_000);

/** Most that one input may cost, microseconds of CPU (a busy machine does not count); a collection
 * of garbage may fall into it. */
const cpuMicrosMax = 250_000;

const edges = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 4_194_304, 4_194_305,
];

/** What to fuzz. */
export interface FuzzTarget<Value> {
  readonly values: fc.Arbitrary<Value>;
  encode(value: Value): Uint8Array;
  decode(bytes: Uint8Array): Value;
  /** Whether accepted bytes must be the only way to write their value. */
  readonly canonical: boolean;
}

/** Runs the fuzzer; throws at the first fault. @returns how many inputs were accepted. */
export function fuzz<Value>(target: FuzzTarget<Value>): number {
  const corpus = fc.sample(target.values, { numRuns: 300, seed: 7 }).map(target.encode);
  const rng = new Rng(20_260_101);
  let accepted = 0;
  for (let run = 0; run < fuzzRuns; run++) {
    const input = run % 11 === 0 ? randomBytes(rng) : mutated(corpus, rng);
    if (tried(target, input)) accepted++;
  }
  return accepted;
}

function tried<Value>(target: FuzzTarget<Value>, input: Uint8Array): boolean {
  const before = process.cpuUsage();
  try {
    const value = target.decode(input);
    if (target.canonical) {
      const again = Buffer.from(target.encode(value)).toString('hex');
      assert.is(again, Buffer.from(input).toString('hex'), 'another way to write the same value');
    }
    return true;
  } catch (error) {
    if (!(error instanceof WireError)) {
      console.error(`input: ${Buffer.from(input).toString('hex')}`);
      throw error;
    }
    assert.not.match(error.message, /[\r\n]/, 'an error is one line');
    return false;
  } finally {
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < cpuMicrosMax, 'one input took too long');
  }
}

function randomBytes(rng: Rng): Uint8Array {
  const input = new Uint8Array(rng.below(120));
  for (let i = 0; i < input.length; i++) input[i] = rng.below(256);
  // Half of them start like something known, so as to get past the first byte.
  if (input.length > 1 && rng.below(2) === 0) {
    input[0] = rng.below(12);
    input[1] = 1;
  }
  return input;
}

function mutated(corpus: readonly Uint8Array[], rng: Rng): Uint8Array {
  let input: Uint8Array = (corpus[rng.below(corpus.length)] as Uint8Array).slice();
  const changes = 1 + rng.below(3);
  for (let i = 0; i < changes; i++) input = changed(input, corpus, rng);
  return input;
}

function changed(input: Uint8Array, corpus: readonly Uint8Array[], rng: Rng): Uint8Array {
  const at = rng.below(input.length + 1);
  switch (rng.below(7)) {
    case 0:
      return input.slice(0, at);
    case 1:
      return joined(input, randomBytes(rng).subarray(0, 8));
    case 2: {
      const other = corpus[rng.below(corpus.length)] as Uint8Array;
      return joined(input.subarray(0, at), other.subarray(rng.below(other.length + 1)));
    }
    case 3:
      if (at < input.length) input[at] = (input[at] as number) ^ (1 << rng.below(8));
      return input;
    case 4:
      if (at < input.length) input[at] = rng.below(256);
      return input;
    case 5:
      return joined(
        joined(input.subarray(0, at), randomBytes(rng).subarray(0, 4)),
        input.subarray(at),
      );
    default:
      if (at + 4 <= input.length) {
        const view = new DataView(input.buffer, input.byteOffset);
        view.setUint32(at, edges[rng.below(edges.length)] as number, true);
      }
      return input;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
