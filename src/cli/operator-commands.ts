/**
 * `quorate members plan`, `why`, `history`, `leave` and `quorate policy`: what the leader would
 * change and why, how one server stands, how the configurations followed each other, and what the
 * operator wants of them.
 */

import type { Client } from '../client/client.js';
import { type CommandContext, say, sayJson } from './context.js';
import { CommandError } from './faults.js';
import { printable } from './printable.js';
import { table } from './table.js';

type Plan = Awaited<ReturnType<Client['plan']>>;
type Quorum = Plan['now'];
type Why = Awaited<ReturnType<Client['why']>>;
type HistoryRow = Awaited<ReturnType<Client['history']>>[number];
type Policy = Awaited<ReturnType<Client['policy']>>;

/** What a state means, for people. */
const states: Readonly<Record<Why['state'], string>> = {
  voter: 'is a voter',
  standby: 'is a stand-by',
  learner: 'is a learner',
  leaving: 'is leaving',
  applicant: 'asks to join',
  removed: 'was removed',
  unknown: 'is no member',
};

/** Shows what the leader would change now. */
export async function showPlan(context: CommandContext): Promise<void> {
  const plan = await context.client.plan({ timeoutMillis: context.timeoutMillis });
  if (context.json) sayJson(plan);
  else say(planText(plan));
}

/** Shows how one server stands. */
export async function showWhy(context: CommandContext, name: string): Promise<void> {
  const why = await context.client.why(name, { timeoutMillis: context.timeoutMillis });
  if (why.state === 'unknown') throw unknownServer(why);
  if (context.json) sayJson(why);
  else say(whyText(why));
}

/** Nobody is asked about one who is not there: refused, as by `members remove`. */
export function unknownServer({ name, lines }: Why): CommandError {
  const [told = `no member is named "${name}"`] = lines;
  return new CommandError(`${printable(told)}: give one of these, by its name or member id`);
}

/** Shows the configurations of the past; as JSON, one object a line. */
export async function showHistory(context: CommandContext): Promise<void> {
  const rows = await context.client.history({ timeoutMillis: context.timeoutMillis });
  if (context.json) for (const row of rows) sayJson({ ...row, time: timeOf(row) });
  else say(await historyText(rows));
}

/** Lets a member leave, or the asked server when no name is given. */
export async function leave(context: CommandContext, name: string): Promise<void> {
  const { client, timeoutMillis, timeoutMillisEach } = context;
  const who = name === '' ? await askedServer(context) : { name, id: name };
  const limit = name === '' ? timeoutMillisEach : timeoutMillis;
  const message = await client.leave(who.id, { timeoutMillis: limit });
  if (context.json) sayJson({ left: who.name, message });
  else say(printable(message));
}

/** Who was asked: by its member id, so that the wish means it wherever it is carried out. */
async function askedServer({ client, timeoutMillis }: CommandContext): Promise<{
  readonly name: string;
  readonly id: string;
}> {
  const { address } = client;
  const { self } = await client.status({ timeoutMillis });
  if (client.address !== address) {
    throw new CommandError(`${address} did not answer: repeat it with the name of the server`);
  }
  if (self.memberId === null) throw new CommandError(`${self.name} is in no cluster yet`);
  return { name: self.name, id: String(self.memberId) };
}

/** Shows the policy; as JSON, one object. */
export async function showPolicy(context: CommandContext): Promise<void> {
  const policy = await context.client.policy({ timeoutMillis: context.timeoutMillis });
  if (context.json) sayJson(policy);
  else say(await policyText(policy));
}

/** Sets words of the policy. */
export async function setPolicy(context: CommandContext, words: readonly string[]): Promise<void> {
  const { timeoutMillis } = context;
  const message = await context.client.setPolicy(words.join(' '), { timeoutMillis });
  if (context.json) sayJson({ set: words, message });
  else say(printable(message));
}

/** What `members plan` prints. */
export function planText(plan: Plan): string {
  const { leader, term, configurationIndex, changes, evidence } = plan;
  const lines = [
    `leader       ${printable(leader)}, term ${term}, configuration ${configurationIndex}`,
    `now          ${quorumText(plan.now)}`,
  ];
  if (plan.outcome === 'rest') lines.push(`change       none: ${printable(plan.reason)}`);
  else lines.push(...labelled('change', changes), `because      ${printable(plan.reason)}`);
  if (plan.during !== null) {
    lines.push(
      `during, old  ${quorumText(plan.during.old)}`,
      `during, new  ${quorumText(plan.during.next)}`,
    );
  }
  if (plan.after !== null) lines.push(`after        ${quorumText(plan.after)}`);
  lines.push(...labelled('evidence', evidence));
  return lines.join('\n');
}

/** What `members why` prints. */
export function whyText({ name, memberId, state, lines }: Why): string {
  const who = memberId === null ? printable(name) : `${printable(name)} (member ${memberId})`;
  return [`${who} ${states[state]}`, ...lines.map((line) => `  ${printable(line)}`)].join('\n');
}

/** What `members history` prints. */
export async function historyText(rows: readonly HistoryRow[]): Promise<string> {
  const cells = rows.map((row) => [
    String(row.index),
    String(row.term),
    timeOf(row) ?? '-',
    `${row.voters.map(printable).join(' ')}${row.joint ? ' (joint)' : ''}`,
    row.learners.map(printable).join(' ') || '-',
    printable(row.reason),
  ]);
  return table(['INDEX', 'TERM', 'TIME', 'VOTERS', 'LEARNERS', 'REASON'], cells);
}

/** What `policy` prints. */
export async function policyText({ index, words }: Policy): Promise<string> {
  const from = { default: 'default', log: 'policy', ignored: 'policy, not followed here' } as const;
  const cells = words.map((word) => [printable(word.name), printable(word.value), from[word.from]]);
  const set = index === 0 ? 'never set: all defaults' : `set last by log entry ${index}`;
  return `${await table(['WORD', 'VALUE', 'FROM'], cells)}\n\n${set}`;
}

/** One line: who votes, who of them answers, and what may still fail. */
function quorumText({ voters, alive, majority, tolerates }: Quorum): string {
  const isAlive = new Set(alive);
  const names = voters.map((name) => `${printable(name)}${isAlive.has(name) ? '' : ' (silent)'}`);
  const count = `${alive.length} of ${voters.length} alive`;
  const left = tolerates < 0 ? `${-tolerates} too few` : `${tolerates} more may fail`;
  return `${names.join(', ')}: ${count}, majority ${majority}, ${left}`;
}

/** Lines with a label before the first. */
function labelled(label: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, at) => `${(at === 0 ? label : '').padEnd(13)}${printable(line)}`);
}

/** When the leader proposed it, ISO 8601; null for a founding, which has no time. */
function timeOf(row: HistoryRow): string | null {
  return row.timeMillis === 0 ? null : new Date(row.timeMillis).toISOString();
}
