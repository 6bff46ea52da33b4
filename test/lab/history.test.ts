/**
 * The judge of a storm sees what it is there to see.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { StreamOperation } from '../sim/stream-history.js';
import { availability, judge } from './history.js';

function append(record: string, firstSeq: number | null, begun: number): StreamOperation {
  const [client] = record.split('-');
  const ended = firstSeq === null ? null : begun + 5;
  const reply = firstSeq === null ? null : ({ kind: 'appended', firstSeq } as const);
  const call = { op: 'append', records: [record] } as const;
  return { client: Number(client?.slice(1)), stream: 'log', call, reply, begun, ended };
}

function readAll(records: readonly string[]): StreamOperation {
  const reply = { kind: 'records', records, nextSeq: records.length + 1 } as const;
  const call = { op: 'read', fromSeq: 1 } as const;
  return { client: 0, stream: 'log', call, reply, begun: 1000, ended: 1010 };
}

const rows: readonly {
  readonly says: string;
  readonly appends: readonly StreamOperation[];
  readonly everything: readonly string[];
  readonly fault: RegExp | null;
}[] = [
  {
    says: 'all is there, and one of unknown outcome too',
    appends: [append('c1-1', 1, 0), append('c2-1', null, 0), append('c1-2', 3, 20)],
    everything: ['c1-1', 'c2-1', 'c1-2'],
    fault: null,
  },
  {
    says: 'one of unknown outcome was never done',
    appends: [append('c1-1', 1, 0), append('c2-1', null, 0)],
    everything: ['c1-1'],
    fault: null,
  },
  {
    says: 'an acknowledged record is lost from the end',
    appends: [append('c1-1', 1, 0), append('c1-2', 2, 20)],
    everything: ['c1-1'],
    fault: /violated/,
  },
  {
    says: 'another stands in its place',
    appends: [append('c1-1', 1, 0), append('c2-1', null, 0)],
    everything: ['c2-1'],
    fault: /violated/,
  },
  {
    says: 'one is there twice',
    appends: [append('c1-1', 1, 0)],
    everything: ['c1-1', 'c1-1'],
    fault: /violated/,
  },
  {
    says: 'the calls of one client are out of order, though both ran at once',
    appends: [append('c1-1', 2, 0), append('c1-2', 1, 1)],
    everything: ['c1-2', 'c1-1'],
    fault: /c1-1 stands behind c1-2/,
  },
  {
    says: 'one was surely refused, and done',
    appends: [append('c1-1', 1, 0)],
    everything: ['c1-1', 'c1-2'],
    fault: /nobody appended/,
  },
];

for (const { says, appends, everything, fault } of rows) {
  test(`the judge: ${says}`, () => {
    const judgement = judge([...appends, readAll(everything)], everything);
    if (fault === null) assert.is(judgement.fault, null);
    else assert.match(judgement.fault ?? 'no fault', fault);
  });
}

test('availability is the share of windows with an acknowledged append', () => {
  const at = (millis: number): StreamOperation => append('c1-1', 1, millis * 1000);
  const history = [at(0), at(150), at(180), at(450), append('c1-2', null, 250_000)];
  assert.equal(availability(history, 0, 550_000), {
    share: 3 / 5,
    windows: 5,
    outages: [{ begun: 200_000, ended: 400_000 }],
  });
});

test.run();
