/**
 * Runs a server as a process: reads the configuration, starts, says where it listens, and ends on a
 * signal, on removal from the cluster, or when it cannot go on. Gives the exit code: 0 stopped as
 * asked, 1 could not start or go on, 2 wrong usage.
 */

import { QuorateError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type RawConfig, readConfig, type ServerConfig } from './config.js';
import { exposureWarning } from './exposure.js';
import { createLogger } from './logger.js';
import { type Server, startServer } from './server.js';

/** After the first signal the process has this long to end by itself, milliseconds. */
const stopMillisMax = 3000;

/** Starts a server from raw settings and waits for its end. */
export async function runServer(flags: RawConfig): Promise<number> {
  const read = readConfig({ flags, environment: process.env });
  if (!read.ok) {
    for (const fault of read.faults) process.stderr.write(`quorate: ${fault}\n`);
    return 2;
  }
  const { config } = read;
  const forPeople = process.stderr.isTTY === true;
  const log = createLogger({
    level: config.logLevel,
    name: config.id,
    forPeople,
    colour: forPeople && process.env['NO_COLOR'] === undefined,
  });
  if (config.mode !== null && config.mode !== 'native') {
    const told =
      `MODE=${config.mode}: there is no ${config.mode} front end yet; serving ` +
      `the native protocol`;
    log.warn({ mode: config.mode }, told);
  }
  let server: Server;
  try {
    server = await startServer(config, { log, fatal: (reason) => die(log, reason) });
  } catch (error) {
    process.stderr.write(`quorate: ${startFault(error)}\n`);
    return 1;
  }
  const stop = stopper(server, log);
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // Last: who waits for this line may send a signal in the next moment.
  announce(server, config, log);
  const end = await server.ended;
  if (end.reason !== 'stopped') process.stderr.write(`quorate: ${end.message}\n`);
  return 0;
}

function announce(server: Server, config: ServerConfig, log: Log): void {
  const { addresses, peerId } = server;
  log.info({ addresses, cluster: config.cluster, data: config.data, peerId }, 'listening');
  const warning = exposureWarning(config);
  if (warning !== null) log.warn({}, warning);
  const { secret } = config;
  if (secret !== null) log.info({ secretIds: secret.ids }, 'closed to all who lack the secret');
}

/** The first signal stops cleanly; a second one, or too long a stop, ends the process. */
function stopper(server: Server, log: Log): () => void {
  let asked = false;
  return () => {
    if (asked) process.exit(1);
    asked = true;
    log.info({}, 'stopping');
    const late = setTimeout(() => {
      log.error({ stopMillisMax }, 'the stop took too long; ending without it');
      process.exit(1);
    }, stopMillisMax);
    late.unref();
    void server.stop();
  };
}

/** The disk or an invariant failed: nothing may be written any more, so the process ends at
 * once. */
function die(log: Log, reason: string): never {
  log.error({ reason }, 'this server cannot go on');
  process.exit(1);
}

function startFault(error: unknown): string {
  if (error instanceof QuorateError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
