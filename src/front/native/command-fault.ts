/**
 * What must be wrong with no command that goes into the log: bytes that the machine could not read
 * (it would have to halt every server), records over the limit, and a policy that nobody judged.
 * The rest is the machine's to judge, alike on all servers.
 */

import type { Refusal } from '../../base/errors.js';
import type { Command } from '../../machine/commands.js';
import { decodeCommand } from '../../wire/command-codec.js';
import { WireError } from '../../wire/wire-error.js';

/** Why a command must not be passed on; null when it may. */
export function commandFault(bytes: Uint8Array, recordBytesMax: number): Refusal | null {
  let command: Command;
  try {
    command = decodeCommand(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { code: 'BAD_REQUEST', message: `not a command: ${error.message}` };
  }
  if (command.op === 'setPolicy') {
    // The words of a policy are judged together with those in force, which the machine cannot do.
    return { code: 'BAD_REQUEST', message: 'a policy is set by a request of its own' };
  }
  // A command that is no larger as a whole holds nothing that is.
  if (bytes.length <= recordBytesMax) return null;
  const largest = largestPart(command);
  if (largest <= recordBytesMax) return null;
  const message = `a record of ${largest} bytes; this server takes at most ${recordBytesMax}`;
  return { code: 'TOO_LARGE', message };
}

function largestPart(command: Command): number {
  if (command.op === 'put') return command.value.length;
  if (command.op !== 'append') return 0;
  let largest = 0;
  for (const record of command.records) largest = Math.max(largest, record.length);
  return largest;
}
