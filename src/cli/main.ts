/**
 * The command line's entry: parses, runs, and ends the process with an exit code and, when
 * something went wrong, one line on standard error. Nothing below it prints a stack.
 */

import { CommanderError } from 'commander';
import { taken } from './context.js';
import { describeFault, exitCodeOf, exitCodes } from './faults.js';
import { buildProgram, type Ending } from './program.js';

/** Runs the command in `words` (without node and script) and ends the process. */
export async function main(words: readonly string[]): Promise<void> {
  quietBrokenPipe();
  // Servers and the shell have handlers of their own, which stop them cleanly.
  if (!['start', 'shell', 'dev'].includes(words[0] ?? '')) process.on('SIGINT', interrupted);
  const ending: Ending = { code: exitCodes.done };
  try {
    await run(words, ending);
  } catch (error) {
    process.stderr.write(`quorate: ${describeFault(error)}\n`);
    ending.code = exitCodeOf(error);
  }
  await taken();
  process.exit(ending.code);
}

async function run(words: readonly string[], ending: Ending): Promise<void> {
  const program = buildProgram(ending);
  try {
    if (words.length === 0) {
      program.outputHelp({ error: true });
      ending.code = exitCodes.usage;
      return;
    }
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    // A command that has commands below it, and none was given: its help has been shown.
    if (error.code === 'commander.help') {
      ending.code = exitCodes.usage;
      return;
    }
    const told = error.message
      .replace(/^error: /, '')
      .replace(/\s*\n\s*/g, ' ')
      .replace(/\.$/, '');
    process.stderr.write(`quorate: ${told}; see ${helpFor(words)}\n`);
    ending.code = exitCodes.usage;
  }
}

/** The help that would have helped. */
function helpFor(words: readonly string[]): string {
  let command = buildProgram({ code: 0 });
  const path = ['quorate'];
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) break;
    command = next;
    path.push(word);
  }
  return `${path.join(' ')} --help`;
}

/** A reader such as `head` that has seen enough is no fault. */
function quietBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      process.exit(error.code === 'EPIPE' ? exitCodes.done : exitCodes.refused);
    });
  }
}

function interrupted(): void {
  // A progress bar may have hidden the cursor.
  if (process.stderr.isTTY) process.stderr.write('\u001b[?25h\n');
  process.exit(exitCodes.interrupted);
}
