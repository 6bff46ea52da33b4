/**
 * The log of a server process: pino, one JSON object a line, or lines for people when standard
 * error is a terminal. Everything goes to standard error, so that standard output stays a command's
 * answer.
 */

import pino from 'pino';
import pretty from 'pino-pretty';
import type { Log, LogFields } from '../base/log.js';

/** How to log. */
export interface LoggerOptions {
  readonly level: string;
  /** The server's name, on every line. */
  readonly name: string;
  /** Lines for people instead of JSON. */
  readonly forPeople: boolean;
  readonly colour: boolean;
}

/** Makes the log of this process. */
export function createLogger(options: LoggerOptions): Log {
  const { level, name, forPeople, colour } = options;
  const destination = forPeople
    ? pretty({
        colorize: colour,
        destination: 2,
        // A crash must not lose the line that says why.
        sync: true,
        ignore: 'pid,hostname,name',
        translateTime: 'SYS:HH:MM:ss.l',
        messageFormat: '{name}: {msg}',
        singleLine: true,
      })
    : pino.destination({ dest: 2, sync: true });
  const logger = pino({ level, name, base: { name } }, destination);
  return {
    error: (fields: LogFields, event: string) => logger.error(fields, event),
    warn: (fields: LogFields, event: string) => logger.warn(fields, event),
    info: (fields: LogFields, event: string) => logger.info(fields, event),
    debug: (fields: LogFields, event: string) => logger.debug(fields, event),
  };
}
