/**
 * `quorate status`, `members`, `members remove` and `transfer-leader`: how the cluster stands, and
 * what an operator may tell it.
 */

import type { Client } from '../client/client.js';
import { type CommandContext, say, sayJson } from './context.js';
import { printable } from './printable.js';
import { table } from './table.js';

type Status = Awaited<ReturnType<Client['status']>>;
type Member = Status['members'][number];
type OtherCluster = Status['otherClusters'][number];

/** Shows how the cluster stands, as the asked server sees it. */
export async function showStatus(context: CommandContext): Promise<void> {
  const status = await context.client.status({ timeoutMillis: context.timeoutMillis });
  if (context.json) sayJson(status);
  else say(await statusText(status));
}

/** Shows the members; as JSON, one object a line. */
export async function showMembers(context: CommandContext): Promise<void> {
  const status = await context.client.status({ timeoutMillis: context.timeoutMillis });
  if (context.json) for (const member of status.members) sayJson(member);
  else say(await membersText(status));
}

/** Takes a member out. */
export async function removeMember(
  context: CommandContext,
  name: string,
  force: boolean,
): Promise<void> {
  const { timeoutMillis } = context;
  const message = await context.client.removeMember(name, { timeoutMillis, force });
  if (context.json) sayJson({ removed: name, message });
  else say(printable(message));
}

/** Hands the leadership on. */
export async function transferLeader(context: CommandContext, name: string): Promise<void> {
  const message = await context.client.transferLeader(name, {
    timeoutMillis: context.timeoutMillis,
  });
  if (context.json) sayJson({ leader: name === '' ? null : name, message });
  else say(printable(message));
}

/** What `status` prints; the shell prints it too. */
export async function statusText(status: Status): Promise<string> {
  const { leader, self } = status;
  const change = status.joint ? ' (a change is under way)' : '';
  const lines = [
    `cluster      ${printable(status.cluster)} (${status.clusterId ?? 'in none yet'})`,
    `leader       ${leader ? leaderText(leader) : noLeader(self)}`,
    `term         ${status.term}`,
    `committed    ${status.commitIndex} of ${status.lastIndex}, applied ${status.appliedIndex}`,
    `members      ${countsOf(status)}, configuration ${status.configurationIndex}`,
    `may fail     ${voters(status.faultTolerance)}${change}`,
    `asked        ${printable(self.name)}, ${self.role}, version ${printable(status.version)}`,
  ];
  const others = status.otherClusters.map(otherText);
  if (others.length > 0) lines.push(`of its name  ${others.join('; ')}; they never merge`);
  if (self.waitingFor !== null) lines.push(`waiting for  ${printable(self.waitingFor)}`);
  if (self.alarm !== null) lines.push(`ALARM        ${printable(self.alarm)}`);
  if (status.members.length > 0) lines.push('', await membersText(status));
  return lines.join('\n');
}

/** What `members` prints. */
export async function membersText(status: Status): Promise<string> {
  if (status.members.length === 0) return 'no members: this server is in no cluster yet';
  const columns = allColumns.filter(({ isWanted }) => isWanted?.(status) ?? true);
  const rows = status.members.map((member) => columns.map(({ cell }) => cell(member, status)));
  return table(
    columns.map(({ head }) => head),
    rows,
  );
}

interface Column {
  readonly head: string;
  /** @default always */
  readonly isWanted?: (status: Status) => boolean;
  readonly cell: (member: Member, status: Status) => string;
}

const allColumns: readonly Column[] = [
  { head: 'NAME', cell: ({ name }) => printable(name) },
  { head: 'MEMBER', cell: ({ memberId }) => String(memberId) },
  {
    head: 'ROLE',
    cell: ({ role, memberId }, { leader }) =>
      leader?.memberId === memberId ? `${role}, leader` : role,
  },
  { head: 'HEALTH', cell: healthOf },
  {
    head: 'ZONE',
    isWanted: ({ members }) => members.some(({ zone }) => zone !== null),
    cell: ({ zone }) => printable(zone ?? '') || '-',
  },
  { head: 'ON DISK', cell: ({ matchIndex }) => String(matchIndex ?? '-') },
  { head: 'ADDRESSES', cell: ({ addresses }) => printable(addresses.join(' ')) || '-' },
  { head: 'PEER', cell: ({ peerId }) => printable(peerId) },
];

/** `suspect` and `dead` say for how long: what was heard last, and when. */
function healthOf(member: Member): string {
  const { health, silentMillis } = member;
  const silence = silentMillis === null || silentMillis === 0 ? '' : `, ${ago(silentMillis)}`;
  return `${health}${silence}${diskTrouble(member)}`;
}

/** What a server that is there says of its disk, unless all is well. */
export function diskTrouble({ health, disk }: Member): string {
  const isThere = health === 'alive' || health === 'suspect';
  return isThere && disk !== null && disk !== 'well' ? `, disk ${disk}` : '';
}

function leaderText({ name, memberId }: NonNullable<Status['leader']>): string {
  return `${printable(name)} (member ${memberId})`;
}

/** Another cluster, by the server of it that was met last. */
function otherText({ clusterId, server, addresses, seenMillis }: OtherCluster): string {
  const where = addresses[0] === undefined ? '' : ` at ${printable(addresses[0])}`;
  const who = `${printable(server)}${where}, met ${ago(seenMillis)} ago`;
  return `another cluster, ${printable(clusterId.slice(0, 12))} (${who})`;
}

function noLeader({ leaderless }: Status['self']): string {
  if (leaderless === null) return 'none';
  const { millis, lastLeader } = leaderless;
  const before =
    lastLeader === null ? 'none since it started' : `${printable(lastLeader)} led last`;
  return `none for ${ago(millis)} (${before})`;
}

function countsOf({ members }: Status): string {
  const voting = members.filter(({ role }) => role === 'voter').length;
  return `${voters(voting)}, ${members.length - voting} without a vote`;
}

function ago(millis: number): string {
  if (millis < 1000) return `${millis} ms`;
  return millis < 120_000 ? `${Math.floor(millis / 1000)} s` : `${Math.floor(millis / 60_000)} min`;
}

function voters(count: number): string {
  return count === 1 ? '1 voter' : `${count} voters`;
}
