/**
 * `quorate shell`: an interactive client. Reads lines from a terminal, with history and completion,
 * or from a pipe; runs one command at a time, in order; a command that fails says so and the shell
 * goes on. What the commands do is in shell-commands.ts.
 */

import { appendFileSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { type GlobalOptions, say, secretOf, targetsOf } from './context.js';
import { describeFault } from './faults.js';
import { commandNames, ShellCommands } from './shell-commands.js';

const historyLinesMax = 1000;

/** Runs the shell until `exit`, the end of the input, or Ctrl-C on an empty line. */
export async function runShell(options: GlobalOptions): Promise<void> {
  const timeoutMillis = options.timeout ?? 5000;
  const secret = await secretOf(options);
  const commands = new ShellCommands(targetsOf(options), { timeoutMillis, ...secret });
  const isTerminal = process.stdin.isTTY === true;
  const readline = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: isTerminal,
    prompt: isTerminal ? 'quorate> ' : '',
    history: isTerminal ? readHistory() : [],
    historySize: historyLinesMax,
    removeHistoryDuplicates: true,
    completer: complete,
  });
  if (isTerminal) say('Type help for the commands, exit to leave.');
  readline.on('SIGINT', () => interrupted(readline));
  try {
    readline.prompt();
    for await (const line of readline) {
      const words = line.trim();
      if (words === 'exit' || words === 'quit') break;
      if (words !== '') {
        if (isTerminal) remember(words);
        await runLine(commands, words);
      }
      readline.prompt();
    }
  } finally {
    readline.close();
    await commands.close();
  }
}

async function runLine(commands: ShellCommands, line: string): Promise<void> {
  try {
    const answer = await commands.run(line);
    if (answer !== '') say(answer);
  } catch (error) {
    say(`error: ${describeFault(error)}`);
  }
}

/** Ctrl-C drops a line that is being written, and leaves the shell from an empty one. */
function interrupted(readline: Interface): void {
  if (readline.line === '') {
    readline.close();
    return;
  }
  process.stdout.write('^C\n');
  readline.write(null, { ctrl: true, name: 'e' });
  readline.write(null, { ctrl: true, name: 'u' });
  readline.prompt();
}

function complete(line: string): [string[], string] {
  const word = line.trimStart();
  if (word.includes(' ')) return [[], line];
  return [commandNames.filter((name) => name.startsWith(word)).map((name) => `${name} `), word];
}

function historyFile(): string {
  return process.env['QUORATE_HISTORY'] ?? join(homedir(), '.quorate_history');
}

/** The newest first, as readline wants it; none when the file cannot be read. */
function readHistory(): string[] {
  try {
    const lines = readFileSync(historyFile(), 'utf8').split('\n').filter(Boolean);
    return lines.slice(-historyLinesMax).reverse();
  } catch {
    return [];
  }
}

/** A history that cannot be written is no reason to fail. */
function remember(line: string): void {
  try {
    appendFileSync(historyFile(), `${line}\n`, { mode: 0o600 });
  } catch {
    // A home that is read-only, say.
  }
}
