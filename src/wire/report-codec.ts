/**
 * What operators are told (plan, why, history, policy) as JSON, on the client's stream and between
 * servers: rare, for people and their scripts, and open to new fields. A writer makes texts and
 * lists fit; a reader builds what comes in anew, field by field, and refuses what does not fit.
 */

import { unreachable } from '../base/assert.js';
import { oneLine } from '../base/one-line.js';
import type {
  HistoryRow,
  OperatorReply,
  PlanReport,
  PolicyReport,
  PolicyRow,
  QuorumReport,
  WhyReport,
} from './client-messages.js';
import { decodeJson, encodeJson, type JsonFields } from './json-fields.js';
import { messageBytesMax } from './reply-codec.js';
import { nameBytesMax } from './text-limits.js';

/** Largest report, bytes: 256 configurations of a hundred members with names of middling length. */
const reportBytesMax = 4 * 1024 * 1024;

/** Most names in a quorum of a plan: more voters than anybody has. */
const votersMax = 64;

/** Most lines of evidence, changes or reasons. */
const linesMax = 64;

/** Most members of a configuration, and most configurations, that a history tells. */
const membersMax = 1024;
const rowsMax = 1024;

/** Most words of a policy, those of the default among them, and the longest of them, bytes. */
const wordsMax = 128;
const wordBytesMax = 128;

/** Every state that a server may be in. */
const whyStates: readonly WhyReport['state'][] = [
  'voter',
  'standby',
  'learner',
  'leaving',
  'applicant',
  'removed',
  'unknown',
];

/** A reply to an operator that is more than one line. */
export type OperatorReport = Exclude<OperatorReply, { type: 'done' }>;

/** Writes a report. @throws WireError when it is too large even so. */
export function encodeReport(report: OperatorReport): Uint8Array {
  return encodeJson(plain(report), reportBytesMax, report.type);
}

/** Reads a report of this type. @throws WireError when a field is missing or wrong. */
export function decodeReport(type: OperatorReport['type'], bytes: Uint8Array): OperatorReport {
  const fields = decodeJson(bytes, reportBytesMax, type);
  switch (type) {
    case 'plan':
      return { type, plan: planFrom(fields) };
    case 'why':
      return { type, why: whyFrom(fields) };
    case 'history':
      return { type, rows: fields.objects('rows', rowsMax).map(historyRow) };
    case 'policy':
      return { type, policy: policyFrom(fields) };
    default:
      return unreachable(type);
  }
}

/** A plan with its known fields, texts and lists within their limits. */
export function plainPlan(plan: PlanReport): PlanReport {
  const { leader, term, configurationIndex, outcome, reason, during } = plan;
  return {
    leader: name(leader),
    term,
    configurationIndex,
    outcome,
    reason: line(reason),
    evidence: lines(plan.evidence),
    changes: lines(plan.changes),
    now: plainQuorum(plan.now),
    during:
      during === null ? null : { old: plainQuorum(during.old), next: plainQuorum(during.next) },
    after: plan.after === null ? null : plainQuorum(plan.after),
  };
}

/** Reads what `plainPlan` made. @throws WireError when a field is missing or wrong. */
export function planFrom(fields: JsonFields): PlanReport {
  const during = fields.objectOrNull('during');
  const after = fields.objectOrNull('after');
  return {
    leader: fields.line('leader', nameBytesMax),
    term: fields.counter('term'),
    configurationIndex: fields.counter('configurationIndex'),
    outcome: fields.oneOf('outcome', ['change', 'rest']),
    reason: fields.line('reason', messageBytesMax),
    evidence: fields.lines('evidence', linesMax, messageBytesMax),
    changes: fields.lines('changes', linesMax, messageBytesMax),
    now: quorum(fields.object('now')),
    during:
      during === null
        ? null
        : { old: quorum(during.object('old')), next: quorum(during.object('next')) },
    after: after === null ? null : quorum(after),
  };
}

/** An explanation with its known fields, within their limits. */
export function plainWhy(why: WhyReport): WhyReport {
  const { memberId, state } = why;
  return { name: name(why.name), memberId, state, lines: lines(why.lines) };
}

/** Reads what `plainWhy` made. @throws WireError when a field is missing or wrong. */
export function whyFrom(fields: JsonFields): WhyReport {
  return {
    name: fields.line('name', nameBytesMax),
    memberId: fields.counterOrNull('memberId'),
    state: fields.oneOf('state', whyStates),
    lines: fields.lines('lines', linesMax, messageBytesMax),
  };
}

function plain(report: OperatorReport): unknown {
  switch (report.type) {
    case 'plan':
      return plainPlan(report.plan);
    case 'why':
      return plainWhy(report.why);
    case 'history':
      return { rows: report.rows.slice(-rowsMax).map(plainRow) };
    case 'policy':
      return plainPolicy(report.policy);
    default:
      return unreachable(report);
  }
}

function plainQuorum({ voters, alive, majority, tolerates }: QuorumReport): QuorumReport {
  return { voters: names(voters, votersMax), alive: names(alive, votersMax), majority, tolerates };
}

function quorum(fields: JsonFields): QuorumReport {
  return {
    voters: fields.lines('voters', votersMax, nameBytesMax),
    alive: fields.lines('alive', votersMax, nameBytesMax),
    majority: fields.counter('majority'),
    tolerates: fields.counter('tolerates', -membersMax),
  };
}

function plainRow(row: HistoryRow): HistoryRow {
  const { index, term, timeMillis, joint } = row;
  const voters = names(row.voters, membersMax);
  const learners = names(row.learners, membersMax);
  return { index, term, timeMillis, voters, learners, joint, reason: line(row.reason) };
}

function historyRow(fields: JsonFields): HistoryRow {
  return {
    index: fields.counter('index'),
    term: fields.counter('term'),
    timeMillis: fields.counter('timeMillis'),
    voters: fields.lines('voters', membersMax, nameBytesMax),
    learners: fields.lines('learners', membersMax, nameBytesMax),
    joint: fields.flag('joint'),
    reason: fields.line('reason', messageBytesMax),
  };
}

function plainPolicy({ index, words }: PolicyReport): PolicyReport {
  const rows = words.slice(0, wordsMax).map((word): PolicyRow => {
    const value = oneLine(word.value, wordBytesMax);
    return { name: oneLine(word.name, wordBytesMax), value, from: word.from };
  });
  return { index, words: rows };
}

function policyFrom(fields: JsonFields): PolicyReport {
  const words = fields.objects('words', wordsMax).map((word): PolicyRow => {
    return {
      name: word.line('name', wordBytesMax),
      value: word.line('value', wordBytesMax),
      from: word.oneOf('from', ['default', 'log', 'ignored']),
    };
  });
  return { index: fields.counter('index'), words };
}

function name(text: string): string {
  return oneLine(text, nameBytesMax);
}

function names(list: readonly string[], countMax: number): readonly string[] {
  return list.slice(0, countMax).map(name);
}

function line(text: string): string {
  return oneLine(text, messageBytesMax);
}

function lines(list: readonly string[]): readonly string[] {
  return list.slice(0, linesMax).map(line);
}
