/**
 * Founding together, step by step: one server's answers to what may reach it, and its words to
 * people. Whole runs of several servers are in founding.test.ts.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Founder, FoundingRecord, SignedFounding } from '../../src/base/founding-record.js';
import { Founding } from '../../src/membership/founding.js';
import type {
  FoundingInput,
  FoundingOptions,
  FoundingOutput,
  SeenServer,
  Sighting,
} from '../../src/membership/founding-io.js';
import { clusterIdOf, foundingRecord, signRecord } from '../../src/membership/founding-record.js';
import { hash } from './founding-judge.js';
import { falseSigner } from './founding-world.js';

const founder = (name: string): Founder => ({ peerId: `p${name}`, incarnation: 'aa11', name });
const [a, b, c] = [founder('a'), founder('b'), founder('c')];
const record = (...founders: Founder[]): FoundingRecord => foundingRecord('test', founders, 'cafe');
const abc = record(a, b, c);
const abcId = clusterIdOf(abc, hash);
const bcd = record(b, c, founder('d'));

function signedBy(what: FoundingRecord, ...signers: Founder[]): SignedFounding {
  const signatures = signers.map(({ peerId }) => signRecord(what, falseSigner(peerId)));
  return { record: what, signatures };
}

/** A server `b` of three, told what happens; time stands still but for `pass`. */
class Bench {
  readonly founding: Founding;
  #now = 0;

  constructor(options: Partial<FoundingOptions> = {}, self: Founder = b) {
    this.founding = new Founding(
      {
        clusterName: 'test',
        version: '1',
        self,
        expect: 3,
        clusterId: null,
        signed: null,
        nonce: 'cafe',
        marginMillis: 400,
        repeatMillis: 500,
        ...options,
      },
      { signer: falseSigner(self.peerId), hash },
    );
  }

  step(input: FoundingInput): readonly FoundingOutput[] {
    return this.founding.step(input, this.#now);
  }

  pass(millis: number): readonly FoundingOutput[] {
    this.#now += millis;
    return this.step({ type: 'tick' });
  }

  sees(server: Founder, more: Partial<SeenServer> = {}): readonly FoundingOutput[] {
    return this.step({
      type: 'seen',
      server: { ...server, version: '1', clusterId: null, ...more },
    });
  }

  hears(from: Founder, sees: readonly Founder[], more: Partial<Sighting> = {}): void {
    const sighting = { expect: 3, sawCluster: false, isSigned: false, sees, ...more };
    this.step({ type: 'sighted', peerId: from.peerId, sighting });
  }

  offer(from: Founder, founding: SignedFounding): readonly FoundingOutput[] {
    return this.step({ type: 'offered', peerId: from.peerId, founding });
  }

  refusal(from: Founder, never: boolean): readonly FoundingOutput[] {
    const { peerId } = from;
    const reason = `${from.name} will not`;
    return this.step({ type: 'refused', peerId, recordId: abcId, never, reason });
  }

  get word(): string {
    return this.founding.waitingFor();
  }
}

/** The kinds of the outputs but what is told, and whether a refusal is for good. */
function kinds(outputs: readonly FoundingOutput[]): string {
  return outputs
    .filter(({ type }) => type !== 'tell')
    .map((output) => (output.type === 'refuse' && output.never ? 'never' : output.type))
    .join(' ');
}

/** `a`, the lowest, that sees two others which see everybody. */
function proposer(): Bench {
  const bench = new Bench({}, a);
  for (const other of [b, c]) bench.sees(other);
  bench.hears(b, [a, c]);
  bench.hears(c, [a, b]);
  return bench;
}

test('the lowest proposes once all have seen one another for the margin', () => {
  const bench = proposer();
  assert.is(kinds(bench.pass(399)), '');
  bench.step({ type: 'lost', peerId: 'pc' });
  bench.sees(c);
  bench.hears(c, [a, b]);
  assert.is(kinds(bench.pass(399)), '', 'the margin begins anew');
  assert.is(kinds(bench.pass(1)), 'write');
  assert.is(kinds(bench.step({ type: 'written' })), 'offer offer');
});

test('the lowest alone proposes, and not beside a cluster or somebody who has signed', () => {
  const rows: [string, (bench: Bench) => void][] = [
    ['c does not see b', (bench) => bench.hears(c, [a])],
    ['an older incarnation was seen', (bench) => bench.hears(c, [a, { ...b, incarnation: 'old' }])],
    ['c saw a cluster', (bench) => bench.hears(c, [a, b], { sawCluster: true })],
    ['c has signed', (bench) => bench.hears(c, [a, b], { isSigned: true })],
    ['c wants five', (bench) => bench.hears(c, [a, b], { expect: 5 })],
    ['c is of another version', (bench) => void bench.sees(c, { version: '2' })],
    ['c is in a cluster', (bench) => void bench.sees(c, { clusterId: 'beef' })],
    ['a fourth is in a cluster', (bench) => void bench.sees(founder('d'), { clusterId: 'beef' })],
    ['c has the name of b', (bench) => void bench.sees({ ...c, name: 'b' })],
  ];
  for (const [why, change] of rows) {
    const bench = proposer();
    change(bench);
    assert.is(kinds([...bench.pass(500), ...bench.pass(500)]), '', why);
  }
  const second = new Bench();
  for (const other of [a, c]) second.sees(other);
  second.hears(a, [b, c]);
  second.hears(c, [a, b]);
  assert.is(kinds([...second.pass(500), ...second.pass(500)]), '');
});

test('a server that saw a cluster founds no other, though the cluster is gone', () => {
  const bench = proposer();
  bench.sees(founder('d'), { clusterId: 'beef' });
  bench.step({ type: 'lost', peerId: 'pd' });
  assert.is(kinds([...bench.pass(500), ...bench.pass(500)]), '');
  assert.match(bench.word, /^the cluster that d is in; a server that has seen one founds no other/);
});

test('a signature is given once it is on disk, and to the record that came first', () => {
  const bench = new Bench();
  bench.sees(a);
  assert.is(kinds(bench.offer(a, signedBy(abc, a))), 'write');
  assert.not.ok(bench.founding.mayJoin);
  // Not on disk yet: neither a signature nor a "never" may leave.
  assert.is(kinds(bench.offer(a, signedBy(abc, a))), '');
  assert.is(kinds(bench.offer(c, signedBy(bcd, b, c))), '');
  assert.is(kinds(bench.step({ type: 'written' })), 'offer');
  assert.is(kinds(bench.offer(c, signedBy(bcd, c))), 'never');
});

test('what is not signed now, and why', () => {
  const rows: [Partial<FoundingOptions>, SignedFounding, RegExp][] = [
    [{ expect: 5 }, signedBy(abc, a), /started with EXPECT=5/],
    [{ expect: null }, signedBy(abc, a), /without EXPECT/],
    [{ clusterName: 'x' }, signedBy(abc, a), /is for cluster "x"/],
    [{ self: { ...b, name: 'x' } }, signedBy(abc, a), /b is named x now/],
    [{}, signedBy(abc, c), /who proposed it has not signed it/],
    [{}, { ...signedBy(bcd, a), record: abc }, /who proposed it has not signed it/],
  ];
  for (const [options, founding, reason] of rows) {
    const outputs = new Bench(options).offer(a, founding);
    assert.is(kinds(outputs), 'refuse', String(reason));
    const [refusal] = outputs.filter(({ type }) => type === 'refuse');
    assert.match(refusal?.type === 'refuse' ? refusal.reason : '', reason);
  }
  const beside = new Bench();
  beside.sees(founder('d'), { clusterId: 'beef' });
  assert.is(kinds(beside.offer(a, signedBy(abc, a))), 'refuse');
  const changed = new Bench();
  changed.sees({ ...a, incarnation: 'bb22' });
  assert.is(kinds(changed.offer(a, signedBy(abc, a))), 'refuse');
});

test('what is never signed: the disk holds why', () => {
  const other = record(a, { ...b, incarnation: 'bb22' }, c);
  assert.is(kinds(new Bench().offer(a, signedBy(other, a))), 'never');
  assert.is(kinds(new Bench({ clusterId: 'beef' }).offer(a, signedBy(abc, a))), 'never');
  assert.is(kinds(new Bench({ signed: signedBy(bcd, b) }).offer(a, signedBy(abc, a))), 'never');
  // Records without this server, and nonsense, get no answer.
  assert.is(kinds(new Bench().offer(a, signedBy(record(a, c), a))), '');
  assert.is(
    kinds(new Bench().offer(a, { ...signedBy(abc, a), record: { ...abc, format: 9 } })),
    '',
  );
});

test('a record is dead by the word "never" of a founder, and by nothing else', () => {
  const bench = new Bench({ signed: signedBy(abc, b) });
  for (const other of [a, c]) bench.sees(other);
  assert.is(kinds(bench.refusal(c, false)), '');
  assert.match(bench.word, /missing: a \(asked\), c \(c will not\)$/);
  assert.is(kinds(bench.refusal(founder('d'), true)), '');
  assert.is(kinds(bench.refusal(c, true)), 'renew');
  // Until the new incarnation is on disk it neither signs nor joins, nor gives its old signature.
  assert.not.ok(bench.founding.mayJoin);
  assert.is(kinds(bench.offer(a, signedBy(abc, a))), '');
  assert.is(kinds(bench.offer(c, signedBy(bcd, c))), 'never');
  assert.is(kinds(bench.step({ type: 'renewed', incarnation: 'bb22', nonce: 'f00d' })), '');
  assert.ok(bench.founding.mayJoin);
  assert.is(kinds(bench.offer(a, signedBy(abc, a))), 'never');
  const anew = record(a, { ...b, incarnation: 'bb22' }, c);
  assert.is(kinds(bench.offer(a, signedBy(anew, a))), 'write');
});

test('a signer goes on after a restart, for ever, and one of an older life does not', () => {
  const bench = new Bench({ signed: signedBy(abc, b), expect: null });
  assert.not.ok(bench.founding.mayJoin);
  assert.is(kinds(bench.sees(a)), 'offer');
  for (let i = 0; i < 5; i++) assert.is(kinds(bench.pass(500)), 'offer');
  assert.is(
    kinds(bench.offer(a, signedBy(abc, a, c))),
    'offer write',
    'all three: the certificate',
  );
  const [found] = bench.step({ type: 'written' }).filter(({ type }) => type === 'found');
  assert.ok(found?.type === 'found' && found.memberId === 2 && found.clusterId === abcId);
  const older = new Bench({ signed: signedBy(abc, b) }, { ...b, incarnation: 'bb22' });
  assert.ok(older.founding.mayJoin);
});

test('a certificate is made of signatures that hold, whatever the file says', () => {
  const forged = {
    record: abc,
    signatures: signedBy(abc, a, b, c).signatures.map((each) => {
      return each.peerId === 'pc' ? { ...each, signature: '00' } : each;
    }),
  };
  assert.is(kinds(new Bench({ signed: forged }).pass(50)), '');
  assert.is(kinds(new Bench({ signed: signedBy(abc, a, b, c) }).pass(50)), 'write');
});

test('a late founder gets the certificate from any member that has it', () => {
  const member = new Bench({ signed: signedBy(abc, a, b, c), clusterId: abcId });
  assert.ok(member.founding.isOver);
  const [answer] = member.offer(c, signedBy(abc, c));
  assert.ok(answer?.type === 'offer' && answer.to === 'pc');
  assert.is(answer.founding.signatures.length, 3);
  assert.is(kinds(member.offer(c, signedBy(abc, a, b, c))), '', 'nothing to add, nothing said');
});

test('a signer that sees another cluster does not join it: its signature is out', () => {
  const bench = new Bench({ signed: signedBy(abc, b) });
  bench.sees(founder('d'), { clusterId: 'beef' });
  assert.not.ok(bench.founding.mayJoin);
  assert.match(bench.word, /d is in another cluster of this name\. If one that is not reached/);
});

test('what it waits for, in words', () => {
  const bench = new Bench();
  assert.is(bench.word, '1 of 3 founders seen: b; waiting for 2 more');
  bench.sees(a);
  assert.is(bench.word, '1 of 3 founders seen: b; waiting for 2 more');
  bench.hears(a, [b]);
  assert.is(bench.word, '2 of 3 founders seen: a, b; waiting for one more');
  bench.sees(c);
  bench.pass(1000);
  assert.match(bench.word, /; waiting for one more; c was started without EXPECT$/);
  bench.hears(c, [], { expect: 5 });
  assert.match(bench.word, /; c was started with EXPECT=5, this server with 3$/);
  bench.hears(c, []);
  assert.is(bench.word, '3 of 3 founders seen: a, b, c; waiting until all have seen one another');
  bench.sees({ ...c, name: 'a' });
  assert.is(
    bench.word,
    '1 of 3 founders seen: b; waiting for 2 more; a is the name of two servers: give each ' +
      'another (SERVER_ID)',
  );
  bench.sees(c, { version: '2' });
  assert.match(bench.word, /; c is of version 2, this server of 1$/);
  bench.sees(c);
  bench.hears(c, [], { isSigned: true });
  assert.match(bench.word, /; some of those seen sign already: waiting for their cluster$/);
  bench.offer(a, signedBy(abc, a));
  bench.step({ type: 'lost', peerId: 'pc' });
  assert.match(
    bench.word,
    /^signatures for the cluster of a, b, c; missing: c \(not reached\)\. If/,
  );
  bench.sees({ ...c, peerId: 'another' });
  assert.match(bench.word, /missing: c \(not reached; another disk has come under its name\)\. If/);
});

test.run();
