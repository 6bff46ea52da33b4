/**
 * What every client command starts from: the global options, a client for as long as the command
 * runs, and the way to standard output. The time limit counts from here, connecting included.
 */

import type { Client } from '../client/client.js';
import { UsageError } from './faults.js';

/** Options that every command takes, as the parser gives them. */
export interface GlobalOptions {
  readonly json?: true;
  readonly targets?: readonly string[];
  /** Milliseconds. */
  readonly timeout?: number;
  readonly secretFile?: string;
}

const timeoutMillisDefault = 5000;
/**
 * The default of a request to take a member out: a leader leads for the stabilisation time (5 s)
 * before it changes members, and gives up after 20 s with a reason, which is to be waited for.
 */
const changeMillisDefault = 30_000;
/** What is left for a request when connecting took nearly all of the time. */
const requestMillisMin = 200;
const closeMillisMax = 300;

/** A command under way. */
export interface CommandContext {
  readonly client: Client;
  readonly json: boolean;
  /** What is left of the time limit, milliseconds: for the first request. */
  readonly timeoutMillis: number;
  /** The time limit: for each request of a command that makes many. */
  readonly timeoutMillisEach: number;
}

/** As `withClient`, for a command that takes a member out: its default is longer. */
export function withPatientClient(
  options: GlobalOptions,
  command: (context: CommandContext) => Promise<void>,
): Promise<void> {
  if (options.timeout !== undefined) return withClient(options, command);
  const limits = { timeoutMillis: changeMillisDefault, timeoutMillisEach: changeMillisDefault };
  // Finding a server takes no longer than for any command.
  return withClient(options, (context) => command({ ...context, ...limits }));
}

/** Connects, runs `command`, and closes whatever happened. */
export async function withClient(
  options: GlobalOptions,
  command: (context: CommandContext) => Promise<void>,
): Promise<void> {
  const timeoutMillis = options.timeout ?? timeoutMillisDefault;
  const startMillis = performance.now();
  const { connect, settleTargets } = await import('../client/connect.js');
  const targets = targetsOf(options);
  try {
    settleTargets(targets);
  } catch (error) {
    throw new UsageError(`-t ${targets.join(',')}: ${(error as Error).message}`);
  }
  const secret = await secretOf(options);
  // A command is over sooner than a move to the leader would pay.
  const client = await connect({ targets, timeoutMillis, preferLeader: false, ...secret });
  try {
    const leftMillis = timeoutMillis - (performance.now() - startMillis);
    await command({
      client,
      json: options.json === true,
      timeoutMillis: Math.max(requestMillisMin, Math.round(leftMillis)),
      timeoutMillisEach: timeoutMillis,
    });
  } finally {
    await Promise.race([client.close(), new Promise((go) => setTimeout(go, closeMillisMax))]);
  }
}

/** The servers to try: -t, QUORATE_TARGETS, or this machine. */
export function targetsOf(options: GlobalOptions): readonly string[] {
  if (options.targets && options.targets.length > 0) return options.targets;
  const listed = splitTargets(process.env['QUORATE_TARGETS'] ?? '');
  return listed.length > 0 ? listed : ['127.0.0.1:5555'];
}

/**
 * The secret of a closed cluster, for `connect`: from the file that --secret-file or
 * QUORATE_SECRET_FILE names.
 */
export async function secretOf({ secretFile }: GlobalOptions): Promise<{ secret?: string }> {
  const path = secretFile ?? process.env['QUORATE_SECRET_FILE'] ?? '';
  if (path === '') return {};
  const { readSecretFile } = await import('../server/secret-file.js');
  try {
    return { secret: readSecretFile(path) };
  } catch (error) {
    throw new UsageError(`secret-file: ${(error as Error).message}`);
  }
}

/** HOST:PORT[,HOST:PORT…] in parts. */
export function splitTargets(text: string): string[] {
  return text
    .split(',')
    .map((target) => target.trim())
    .filter((target) => target !== '');
}

/** Writes a line to standard output. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes a value as one line of JSON. */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value));
}

/**
 * Waits until all that was said has been taken by whoever reads it. A pipe is written behind the
 * program's back: without this a slow reader loses the end, or fills the memory before it.
 */
export function taken(): Promise<void> {
  const { stdout } = process;
  if (stdout.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => stdout.write('', () => resolve()));
}
