/**
 * The founding record: bytes, faults, base, signatures, and who is chosen of those that see one
 * another.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Founder } from '../../src/base/founding-record.js';
import { type Candidate, chosenFounders, keyOf } from '../../src/membership/founding-candidates.js';
import {
  clusterIdOf,
  founderId,
  foundingBase,
  foundingRecord,
  isCertificate,
  mergedSignatures,
  recordBytes,
  recordFault,
  signRecord,
} from '../../src/membership/founding-record.js';
import { hash } from './founding-judge.js';
import { falseSigner } from './founding-world.js';

const founder = (letter: string): Founder => {
  return { peerId: `peer-${letter}`, incarnation: `aa${letter}`, name: letter };
};
const founders = (letters: string): readonly Founder[] => [...letters].map(founder);
const record = (letters: string) => foundingRecord('grün', founders(letters), 'beef');

test('founders in any order give one record, byte for byte', () => {
  assert.equal(recordBytes(record('cab')), recordBytes(record('abc')));
  assert.is(clusterIdOf(record('cab'), hash), clusterIdOf(record('bca'), hash));
  assert.equal(record('cab').founders, founders('abc'));
});

test('golden bytes: what is signed never changes', () => {
  assert.is(
    new TextDecoder().decode(recordBytes(record('ba'))),
    'quorate founding record\n{"format":1,"clusterName":"grün","founders":[' +
      '{"peerId":"peer-a","incarnation":"aaa","name":"a"},' +
      '{"peerId":"peer-b","incarnation":"aab","name":"b"}],"nonce":"beef"}',
  );
});

test('another name, cluster, incarnation, nonce or founder is another cluster', () => {
  const one = record('abc');
  const [a, ...others] = one.founders as [Founder, ...Founder[]];
  const all = [
    one,
    { ...one, clusterName: 'x' },
    { ...one, nonce: 'bee1' },
    { ...one, founders: [{ ...a, incarnation: 'bb' }, ...others] },
    { ...one, founders: [{ ...a, name: 'x' }, ...others] },
    { ...one, founders: others },
  ];
  assert.is(new Set(all.map((each) => clusterIdOf(each, hash))).size, all.length);
});

test('faults of records that nobody may sign', () => {
  const good = record('abc');
  const twin = { ...founder('b'), peerId: 'peer-c' };
  assert.is(recordFault(good), null);
  assert.match(recordFault({ ...good, format: 2 }) ?? '', /format is 2/);
  assert.match(recordFault({ ...good, founders: [] }) ?? '', /no founder/);
  assert.match(recordFault({ ...good, founders: founders('acb') }) ?? '', /not sorted/);
  assert.match(recordFault({ ...good, founders: founders('abb') }) ?? '', /named twice/);
  assert.match(recordFault({ ...good, founders: [...founders('ab'), twin] }) ?? '', /one name/);
});

test('the base names all founders, at the index of their number, with odd votes', () => {
  const rows: [number, number[], number[]][] = [
    [1, [1], []],
    [2, [1], [2]],
    [3, [1, 2, 3], []],
    [4, [1, 2, 3], [4]],
    [5, [1, 2, 3, 4, 5], []],
    [7, [1, 2, 3, 4, 5], [6, 7]],
  ];
  for (const [count, voters, learners] of rows) {
    const letters = 'abcdefg'.slice(0, count);
    const base = foundingBase(record(letters));
    assert.is(base.index, count);
    assert.is(base.configurationIndex, count);
    assert.is(base.term, 0);
    assert.equal(base.configuration.voters, voters);
    assert.equal(base.configuration.learners, learners);
    assert.equal(
      base.configuration.members,
      founders(letters).map((each, at) => ({ id: at + 1, ...each })),
    );
    assert.is(base.configuration.reason, `founded by ${[...letters].join(', ')}`);
  }
  assert.is(founderId(record('abc'), 'peer-c'), 3);
  assert.is(founderId(record('abc'), 'peer-d'), 0);
});

test('only signatures of founders over this record count, one each, in their order', () => {
  const own = record('abc');
  const signed = (letter: string, what = own) => signRecord(what, falseSigner(`peer-${letter}`));
  const judge = falseSigner('peer-x');
  const merged = (...offered: ReturnType<typeof signed>[]) =>
    mergedSignatures(own, [], offered, judge).map(({ peerId }) => peerId);
  assert.equal(merged(signed('c'), signed('a')), ['peer-a', 'peer-c']);
  assert.equal(merged(signed('a'), signed('a')), ['peer-a']);
  assert.equal(merged(signed('d')), []);
  assert.equal(merged(signed('a', record('abd'))), []);
  assert.equal(merged({ ...signed('a'), peerId: 'peer-b' }), []);
  assert.equal(merged({ peerId: 'peer-a', signature: 'abc' }), []);
  // A forged one before the true one does not hide it.
  assert.equal(merged({ peerId: 'peer-a', signature: '00' }, signed('a')), ['peer-a']);
  const all = mergedSignatures(own, [signed('a')], [signed('b'), signed('c')], judge);
  assert.ok(isCertificate({ record: own, signatures: all }));
  assert.not.ok(isCertificate({ record: own, signatures: all.slice(1) }));
});

/** Candidates named by letters; each line says whom one sees. */
function candidates(views: Readonly<Record<string, string>>): readonly Candidate[] {
  return Object.entries(views).map(([letter, seen]) => {
    return { ...founder(letter), sees: new Set(founders(seen).map(keyOf)) };
  });
}

test('who is chosen of those that see one another', () => {
  const rows: [Readonly<Record<string, string>>, number, string | null][] = [
    [{ a: 'b', b: 'a' }, 2, 'ab'],
    [{ a: 'b', b: 'a' }, 3, null],
    [{ a: 'b', b: '' }, 2, null],
    [{ a: 'bc', b: 'ac', c: 'ab' }, 3, 'abc'],
    [{ c: 'ab', b: 'ac', a: 'bc' }, 2, 'ab'],
    [{ a: 'bcd', b: 'acd', c: 'abd', d: 'abc' }, 3, 'abc'],
    // Who does not see all of the others is passed over, the first one too.
    [{ a: 'bcd', b: 'ad', c: 'abd', d: 'abc' }, 3, 'abd'],
    [{ a: 'bcd', b: 'a', c: 'ad', d: 'ac' }, 3, 'acd'],
    [{ a: '', b: 'acd', c: 'abd', d: 'abc' }, 3, 'bcd'],
    [{ a: 'b', b: 'ac', c: 'b' }, 3, null],
  ];
  for (const [views, count, wanted] of rows) {
    const chosen = chosenFounders(candidates(views), count);
    assert.equal(chosen, wanted === null ? null : founders(wanted), JSON.stringify(views));
  }
});

test('two servers of one name are no founders, and an older incarnation is not seen', () => {
  const [a, b, c] = candidates({ a: 'bc', b: 'ac', c: 'ab' }) as [Candidate, Candidate, Candidate];
  assert.is(chosenFounders([a, b, { ...c, name: 'b' }], 3), null);
  assert.is(chosenFounders([a, b, { ...c, name: 'b' }], 2), null);
  assert.is(chosenFounders([a, { ...b, incarnation: 'bb' }], 2), null);
});

test.run();
