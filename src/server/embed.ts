/**
 * A server inside somebody's program: the settings of `quorate start` as an object, checked the
 * same way, without environment, signals or exits.
 */

import { QuorateError } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { readConfig, type ServerConfig } from './config.js';
import { type Server, startServer } from './server.js';

/** Settings of an embedded server; what is not given has the default of `ServerConfig`. */
export interface ServerOptions
  extends Partial<Omit<ServerConfig, 'host' | 'port' | 'secret' | 'secretFile'>> {
  /** The file with the secret of a closed cluster. @default none: the cluster is open */
  readonly secretFile?: string;
  /** The text of a secret, as it stands in such a file, for programs that keep it elsewhere. */
  readonly secret?: string;
  /** Where to listen, `host:port`; port 0 takes any free one. @default 127.0.0.1:5555 */
  readonly listen?: string;
  /** Where the server says what happens. @default nowhere */
  readonly log?: Log;
  /**
   * Called when the disk failed or an invariant broke. Nothing may be written any more: end the
   * process. @default throws, uncaught
   */
  readonly onFatal?: (reason: string) => void;
}

/**
 * Starts a server in this process.
 * @throws QuorateError BAD_REQUEST with every fault of the options; else as a start may fail: port
 *   taken, data folder unreadable, damaged, in use, or of another cluster or server.
 */
export async function createServer(options: ServerOptions = {}): Promise<Server> {
  const { log = silent, onFatal = crash, secret, ...settings } = options;
  const read = readConfig({ flags: settings, environment: {}, secret });
  if (!read.ok) throw new QuorateError('BAD_REQUEST', read.faults.join('; '));
  return startServer(read.config, { log, fatal: onFatal });
}

const silent: Log = { error: nothing, warn: nothing, info: nothing, debug: nothing };

function nothing(): void {}

function crash(reason: string): void {
  // Out of every promise and handler, so that nothing catches it by accident.
  setImmediate(() => {
    throw new Error(`this server cannot go on: ${reason}`);
  });
}
