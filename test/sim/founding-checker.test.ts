/**
 * The checker of foundings: each promise broken once, and what is in order let through.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Founder, FoundingRecord, SignedFounding } from '../../src/base/founding-record.js';
import {
  clusterIdOf,
  foundingBase,
  foundingRecord,
  signRecord,
} from '../../src/membership/founding-record.js';
import type { Membership } from '../../src/raft/types.js';
import { FoundingChecker, sha256 } from './founding-checker.js';
import { simSigner } from './sim-signer.js';

const [a, b, c] = ['a', 'b', 'c'].map((name) => founder(name)) as [Founder, Founder, Founder];

function founder(name: string, incarnation = 'aa'): Founder {
  return { peerId: `p${name}`, incarnation, name };
}

function recordOf(founders: readonly Founder[], nonce = '01'): FoundingRecord {
  return foundingRecord('sim', founders, nonce);
}

function signedBy(record: FoundingRecord, signers: readonly Founder[]): SignedFounding {
  const signatures = signers.map(({ peerId }) => signRecord(record, simSigner(peerId)));
  return { record, signatures };
}

function idOf(record: FoundingRecord): string {
  return clusterIdOf(record, sha256);
}

function placeIn(record: FoundingRecord): Membership {
  return { clusterName: 'sim', clusterId: idOf(record), memberId: 1, joinIndex: 0 };
}

/** All founders of the record have signed, on their disks. */
function complete(checker: FoundingChecker, record: FoundingRecord): void {
  for (const one of record.founders) checker.signed(one, signedBy(record, [one]));
}

test('a founding in order breaks nothing, told twice or not', () => {
  const checker = new FoundingChecker();
  const record = recordOf([a, b, c]);
  complete(checker, record);
  complete(checker, record);
  checker.said(a, { type: 'foundingOffer', founding: signedBy(record, [a, b]) });
  checker.opened(placeIn(record), foundingBase(record));
  assert.is(checker.clusterId, idOf(record));
  assert.equal(checker.founded, record);
  assert.equal(checker.recordOf(b), record);
});

test('an incarnation that signs twice is caught; one that has begun anew may', () => {
  const checker = new FoundingChecker();
  checker.signed(a, signedBy(recordOf([a, b]), [a]));
  const other = recordOf([a, c]);
  assert.throws(() => checker.signed(a, signedBy(other, [a])), /signed two founding records/);
  const anew = founder('a', 'bb');
  checker.signed(anew, signedBy(recordOf([anew, c]), [anew]));
});

test('a signature that leaves before it is on disk is caught; that of another may pass', () => {
  const checker = new FoundingChecker();
  const record = recordOf([a, b]);
  checker.said(b, { type: 'foundingOffer', founding: signedBy(record, [a]) });
  const early = { type: 'foundingOffer', founding: signedBy(record, [a]) } as const;
  assert.throws(() => checker.said(a, early), /before that is on its disk/);
});

test('a "never" of what all have signed, or that is not kept, is caught', () => {
  const record = recordOf([a, b]);
  const refusal = { type: 'foundingRefused', recordId: idOf(record), reason: '' } as const;
  const late = new FoundingChecker();
  complete(late, record);
  late.said(b, { ...refusal, never: false });
  assert.throws(() => late.said(b, { ...refusal, never: true }), /says never of a record/);
  const broken = new FoundingChecker();
  broken.said(b, { ...refusal, never: true });
  assert.throws(() => broken.signed(b, signedBy(record, [b])), /of which it said never/);
});

test('two clusters over one folder are caught, even where it has begun anew between', () => {
  const checker = new FoundingChecker();
  complete(checker, recordOf([a, b]));
  const anew = founder('b', 'bb');
  assert.throws(() => complete(checker, recordOf([anew, c])), /two clusters are founded over pb/);
});

test('a log that not all have signed, or with another base, is caught', () => {
  const checker = new FoundingChecker();
  const record = recordOf([a, b, c]);
  checker.signed(a, signedBy(record, [a]));
  checker.signed(b, signedBy(record, [b]));
  const base = foundingBase(record);
  assert.throws(() => checker.opened(placeIn(record), base), /not all its founders/);
  checker.signed(c, signedBy(record, [c]));
  assert.throws(() => checker.opened(placeIn(record), { ...base, index: 1 }), /begins otherwise/);
  checker.opened(placeIn(record), base);
});

test('a second cluster in one world is caught', () => {
  const checker = new FoundingChecker();
  const first = recordOf([a]);
  const second = recordOf([b]);
  complete(checker, first);
  complete(checker, second);
  checker.opened(placeIn(first), foundingBase(first));
  assert.throws(() => checker.opened(placeIn(second), foundingBase(second)), /clusters .* and /);
});

test.run();
