/**
 * The port of logging: events with fields, written by runners only. The edges implement it (pino),
 * tests collect it. info: a change that an operator wants to know; debug: per request; never per
 * heartbeat.
 */

/** Fields of an event: flat, plain values. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where runners say what happened. */
export interface Log {
  error(fields: LogFields, event: string): void;
  warn(fields: LogFields, event: string): void;
  info(fields: LogFields, event: string): void;
  debug(fields: LogFields, event: string): void;
}
