/**
 * How a command ends when it does not end well: one line on standard error that says what happened
 * and what to do next, and an exit code. 1: refused; 2: wrong usage; 3: nobody served in time.
 */

import { type ErrorCode, QuorateError } from '../base/errors.js';

/** Exit codes; part of the interface. */
export const exitCodes = { done: 0, refused: 1, usage: 2, unserved: 3, interrupted: 130 } as const;

/** Wrong words on the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A refusal found out here, not by a server: its line is all there is to say. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Codes that mean that nobody served the request in time. */
const unserved: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NOT_LEADER',
  'NO_LEADER',
  'LEADER_CHANGED',
  'TIMEOUT',
  'DISCONNECTED',
  'STOPPING',
  'NOT_MEMBER',
]);

const advice: Partial<Record<ErrorCode, string>> = {
  NO_LEADER: 'see quorate status -t HOST:PORT on each server, or start one with quorate start',
  NOT_LEADER: 'see quorate status, and name more servers with -t',
  TIMEOUT: 'look with quorate query, get or members before repeating it, or allow more --timeout',
  DISCONNECTED: 'look with quorate query, get or members before repeating it',
  LEADER_CHANGED: 'repeat the command',
  STOPPING: 'name another server with -t',
  NOT_MEMBER: 'quorate status tells what that server waits for; name another with -t',
  OVERLOADED: 'repeat the command in a moment',
  CONFLICT: 'read it again and decide anew',
  SEALED: 'quorate stream info shows the views, quorate stream open-view opens the next one',
  FENCED: 'stop this one, or give a greater --fence',
  TRIMMED: 'leave --from out to begin at the first record that is kept',
  TOO_LARGE: 'split it, or raise --record-bytes-max on the servers',
  CHANGE_IN_PROGRESS: 'wait until quorate status shows no change under way, then repeat it',
  CHANGE_REFUSED: 'see quorate members plan',
};

/** The exit code for what was thrown. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof QuorateError && unserved.has(error.code)) return exitCodes.unserved;
  return exitCodes.refused;
}

/** The one line for what was thrown. */
export function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return oneLine(String(error));
  const hint = error instanceof QuorateError ? hintFor(error) : undefined;
  return oneLine(hint === undefined ? error.message : `${error.message}; ${hint}`);
}

/** What to do next; nothing beside a message that says so itself. */
function hintFor({ code, message }: QuorateError): string | undefined {
  return message.includes('--secret-file') ? undefined : advice[code];
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
