/**
 * Random values of what operators are told.
 */

import * as fc from 'fast-check';
import type {
  HistoryRow,
  PlanReport,
  PolicyReport,
  QuorumReport,
  WhyReport,
} from '../../src/wire/client-messages.js';
import { counter, line } from './basic-arbitraries.js';

const names = fc.array(line, { maxLength: 4 });

const quorum: fc.Arbitrary<QuorumReport> = fc.record({
  voters: names,
  alive: names,
  majority: counter,
  tolerates: fc.integer({ min: -9, max: 9 }),
});

/** What the leader would change. */
export const plan: fc.Arbitrary<PlanReport> = fc.record({
  leader: line,
  term: counter,
  configurationIndex: counter,
  outcome: fc.constantFrom('change' as const, 'rest' as const),
  reason: line,
  evidence: names,
  changes: names,
  now: quorum,
  during: fc.option(fc.record({ old: quorum, next: quorum })),
  after: fc.option(quorum),
});

/** How one server stands. */
export const why: fc.Arbitrary<WhyReport> = fc.record({
  name: line,
  memberId: fc.option(counter),
  state: fc.constantFrom(
    'voter' as const,
    'standby' as const,
    'learner' as const,
    'leaving' as const,
    'applicant' as const,
    'removed' as const,
    'unknown' as const,
  ),
  lines: names,
});

/** One configuration of the past. */
export const row: fc.Arbitrary<HistoryRow> = fc.record({
  index: counter,
  term: counter,
  timeMillis: counter,
  voters: names,
  learners: names,
  joint: fc.boolean(),
  reason: line,
});

/** The policy as a server has it. */
export const policy: fc.Arbitrary<PolicyReport> = fc.record({
  index: counter,
  words: fc.array(
    fc.record({
      name: line,
      value: line,
      from: fc.constantFrom('default' as const, 'log' as const, 'ignored' as const),
    }),
    { maxLength: 4 },
  ),
});
