/**
 * Views: a chain without gaps, closed but for the newest, forgotten from the front.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { streamViewsTold } from '../../src/base/limits.js';
import { StreamViews } from '../../src/machine/stream-views.js';

/** Views that end before these sequences; the one behind them is open. */
function closedAt(...ends: number[]): StreamViews {
  const views = new StreamViews();
  for (const end of ends) {
    views.seal(end);
    views.open(end);
  }
  return views;
}

const numbers = (views: StreamViews) => views.told().map(({ view }) => view);

test('a stream begins with one view, open from its first record on', () => {
  const views = new StreamViews();
  assert.equal(views.told(), [{ view: 1, firstSeq: 1, endSeq: null }]);
  assert.not(views.isSealed);
});

test('a view begins where the one before it ended', () => {
  const views = closedAt(4, 4);
  assert.equal(views.told(), [
    { view: 1, firstSeq: 1, endSeq: 4 },
    { view: 2, firstSeq: 4, endSeq: 4 },
    { view: 3, firstSeq: 4, endSeq: null },
  ]);
  assert.equal(
    [views.endOf(1), views.endOf(2), views.endOf(3), views.endOf(4)],
    [4, 4, null, null],
  );
});

test('sealing twice changes nothing', () => {
  const views = new StreamViews();
  views.seal(3);
  views.seal(9);
  assert.equal(views.told(), [{ view: 1, firstSeq: 1, endSeq: 3 }]);
  assert.ok(views.isSealed);
});

test('what was told stays as it was', () => {
  const views = new StreamViews();
  const told = views.told();
  views.seal(3);
  views.open(3);
  assert.equal(told, [{ view: 1, firstSeq: 1, endSeq: null }]);
  assert.not(new StreamViews().isSealed);
  assert.equal(new StreamViews().told(), told);
});

const trims: [string, StreamViews, number, number[]][] = [
  ['nothing', closedAt(3, 5), 1, [1, 2, 3]],
  ['within a view', closedAt(3, 5), 2, [1, 2, 3]],
  ['all of a view', closedAt(3, 5), 3, [2, 3]],
  ['all of two', closedAt(3, 5), 5, [3]],
  ['beyond', closedAt(3, 5), 9, [3]],
  ['empty ones stay until something behind them goes', closedAt(3, 3, 3), 3, [2, 3, 4]],
  ['empty ones go then', closedAt(3, 3, 3), 4, [4]],
  ['empty ones of an empty stream', closedAt(1, 1), 1, [1, 2, 3]],
];

for (const [what, views, firstSeq, left] of trims) {
  test(`views after a trim: ${what}`, () => {
    views.trim(firstSeq);
    assert.equal(numbers(views), left);
  });
}

test('the newest view is never forgotten, sealed or not', () => {
  const views = closedAt(3);
  views.seal(5);
  views.trim(5);
  assert.equal(views.told(), [{ view: 2, firstSeq: 3, endSeq: 5 }]);
  views.open(5);
  assert.is(views.newest, 3, 'numbers go on');
  assert.is(views.endOf(1), null);
  assert.is(views.endOf(2), 5);
});

test('of many views the newest are told', () => {
  const views = closedAt(...Array.from({ length: 250 }, (_, i) => i + 2));
  assert.is(views.told().length, streamViewsTold);
  assert.is(views.told().at(-1)?.view, 251);
  assert.is(views.count, 251);
});

test.run();
