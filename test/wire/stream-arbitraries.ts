/**
 * Random states of streams, as they travel.
 */

import * as fc from 'fast-check';
import { streamViewsTold } from '../../src/base/limits.js';
import type { StreamState } from '../../src/machine/commands.js';
import type { ReadRange } from '../../src/wire/client-messages.js';
import { counter, positive } from './basic-arbitraries.js';

const view = fc.record({ view: counter, firstSeq: counter, endSeq: fc.option(positive) });

/** How a stream stands. */
export const streamState: fc.Arbitrary<StreamState> = fc.record({
  firstSeq: counter,
  nextSeq: counter,
  bytes: counter,
  fence: counter,
  views: fc.oneof(
    fc.array(view, { maxLength: 3 }),
    fc.array(view, { minLength: streamViewsTold, maxLength: streamViewsTold }),
  ),
  retention: fc.record({
    recordsMax: fc.option(positive),
    bytesMax: fc.option(positive),
    ageMillisMax: fc.option(positive),
  }),
});

/** Which records to read: often the plain way, forwards from a sequence. */
export const readRange: fc.Arbitrary<ReadRange> = fc.record({
  from: fc.oneof(fc.record({ seq: counter }), fc.record({ timeMillis: counter })),
  backwards: fc.boolean(),
  limit: counter,
  bytesMax: fc.oneof(fc.constant(0), counter),
});
