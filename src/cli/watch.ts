/**
 * `quorate status --watch` and `members --watch`: asks again and again, and shows what changed. On
 * a terminal the picture is drawn anew in its place; elsewhere a line is written for each change,
 * so that it can be piped and kept. While nobody answers it says so, and goes on.
 *
 * Invariant: what is written is written because something differs from what was written before.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '../client/client.js';
import { diskTrouble, membersText, statusText } from './cluster-commands.js';
import { type CommandContext, say, sayJson, taken } from './context.js';
import { describeFault } from './faults.js';
import { printable } from './printable.js';

type Status = Awaited<ReturnType<Client['status']>>;
type Member = Status['members'][number];

/** How often the cluster is asked, milliseconds. */
const askMillis = 500;

/** What is shown of each status. */
export interface Watched {
  /** The whole picture, for a terminal. */
  draw(status: Status): Promise<string>;
  /** One line for each change since `before` (null: the first look), for people. */
  changes(before: Status | null, now: Status): readonly string[];
  /** The same as objects for `--json`. */
  objects(before: Status | null, now: Status): readonly object[];
}

/** `status --watch`. */
export const watchedStatus: Watched = {
  draw: statusText,
  changes: (before, now) => {
    const line = statusLine(now);
    return before !== null && statusLine(before) === line ? [] : [line];
  },
  objects: (before, now) => {
    return before !== null && statusLine(before) === statusLine(now) ? [] : [now];
  },
};

/** `members --watch`. */
export const watchedMembers: Watched = {
  draw: membersText,
  changes: (before, now) =>
    changedMembers(before, now).map(({ member, isGone }) =>
      isGone ? goneLine(member) : memberLine(member, now),
    ),
  objects: (before, now) =>
    changedMembers(before, now).map(({ member, isGone }) => ({ ...member, gone: isGone })),
};

/** Watches until Ctrl-C. @throws what the first question ends with, as any command does. */
export async function watch(context: CommandContext, watched: Watched): Promise<void> {
  const screen = new Screen(context.json || !process.stdout.isTTY);
  let before: Status | null = null;
  let trouble = '';
  for (let first = true; ; first = false) {
    try {
      const { timeoutMillis, timeoutMillisEach } = context;
      const limit = first ? timeoutMillis : timeoutMillisEach;
      const status: Status = await context.client.status({ timeoutMillis: limit });
      trouble = '';
      if (context.json) for (const each of watched.objects(before, status)) sayJson(each);
      else if (screen.isPlain) screen.lines(watched.changes(before, status));
      else screen.draw(await watched.draw(status));
      before = status;
    } catch (error) {
      if (first) throw error;
      const told = describeFault(error);
      if (context.json || screen.isPlain) {
        if (told !== trouble) process.stderr.write(`quorate: ${told}\n`);
      } else screen.draw(told);
      trouble = told;
    }
    await taken();
    await pause(askMillis);
  }
}

/** Where pictures and lines go. */
class Screen {
  readonly isPlain: boolean;
  #shown = '';

  constructor(isPlain: boolean) {
    this.isPlain = isPlain;
  }

  lines(lines: readonly string[]): void {
    for (const line of lines) say(`${new Date().toISOString()}  ${line}`);
  }

  /** Draws the picture over the one before; one that is the same is left standing. */
  draw(text: string): void {
    if (text === this.#shown) return;
    const clear = this.#shown === '' ? '\u001b[2J' : '';
    this.#shown = text;
    // Home, the picture with each line's old rest cleared, and everything below it cleared.
    const lines = text.split('\n').map((line) => `${line}\u001b[K\n`);
    process.stdout.write(`${clear}\u001b[H${lines.join('')}\u001b[J`);
  }
}

/** Members that came, changed what people would call their state, or went. */
function changedMembers(
  before: Status | null,
  now: Status,
): readonly { readonly member: Member; readonly isGone: boolean }[] {
  const old = new Map((before?.members ?? []).map((member) => [member.memberId, member]));
  const changed = now.members.filter((member) => {
    const was = old.get(member.memberId);
    const isSame = was !== undefined && before !== null;
    return !isSame || memberLine(was, before) !== memberLine(member, now);
  });
  const present = new Set(now.members.map(({ memberId }) => memberId));
  const gone = (before?.members ?? []).filter(({ memberId }) => !present.has(memberId));
  return [
    ...changed.map((member) => ({ member, isGone: false })),
    ...gone.map((member) => ({ member, isGone: true })),
  ];
}

/** With its id: one that comes back with an empty folder is another member of the same name. */
function goneLine({ name, memberId }: Member): string {
  return printable(`${name} (member ${memberId}) is no member any more`);
}

/** One line without what changes with every entry. */
function memberLine(member: Member, status: Status): string {
  const { name, memberId, role, health, zone, addresses } = member;
  const leads = status.leader?.memberId === memberId ? ', leader' : '';
  const where = addresses.length === 0 ? '' : `, at ${addresses.join(' ')}`;
  const stands = zone === null ? '' : `, zone ${zone}`;
  const how = `${health}${diskTrouble(member)}${stands}`;
  return printable(`${name} (member ${memberId}): ${role}${leads}, ${how}${where}`);
}

function statusLine({ leader, term, members, faultTolerance, joint, self }: Status): string {
  const voters = members.filter(({ role }) => role === 'voter');
  const alive = voters.filter(({ health }) => health === 'alive').length;
  const others = members.length - voters.length;
  const parts = [
    leader === null ? 'no leader' : `leader ${leader.name}`,
    `term ${term}`,
    `${alive} of ${voters.length} voters alive`,
    `${others} without a vote`,
    `${faultTolerance} may fail`,
  ];
  if (joint) parts.push('a change is under way');
  if (leader === null && members.length === 0) parts.push(`${self.name} is ${self.role}`);
  return printable(parts.join(', '));
}
