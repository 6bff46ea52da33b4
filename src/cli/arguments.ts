/**
 * Values on the command line, read strictly: each throws the parser's own error, which names the
 * option and ends in exit code 2.
 */

import { InvalidArgumentError } from 'commander';
import { splitTargets } from './context.js';

/** Units of time, in milliseconds. */
const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** -t may be given several times, each with several targets. */
export function readTargets(text: string, before: readonly string[] | undefined): string[] {
  const targets = splitTargets(text);
  if (targets.length === 0) throw new InvalidArgumentError('It names no server (HOST:PORT).');
  return [...(before ?? []), ...targets];
}

/** A duration: seconds, or with a unit `500ms`, `2s`, `1m`. Gives milliseconds. */
export function readDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  const unit = units[match?.[2] ?? 's'] ?? 1000;
  const millis = Math.round(Number(match?.[1]) * unit);
  if (!match || millis < 1 || millis > 86_400_000) {
    throw new InvalidArgumentError('It is a time such as 5, 5s or 500ms, at most a day.');
  }
  return millis;
}

/** A whole number from 1 on. */
export function readCount(text: string): number {
  const value = readWhole(text);
  if (value < 1) throw new InvalidArgumentError('It is a whole number from 1 on.');
  return value;
}

/** A whole number from 0 on. */
export function readWhole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('It is a whole number.');
  }
  return value;
}

/**
 * A time that has passed: how long ago (`90s`, `10m`, `2h`, `7d`), or a date as in ISO 8601, such
 * as `2026-11-20T06:00Z`; a time without a zone is in that of this machine, a day alone in UTC.
 * Gives milliseconds since 1970.
 */
export function readSince(text: string): number {
  const ago = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (ago) {
    const unit = units[ago[2] ?? ''] ?? 0;
    return Math.max(0, Math.round(Date.now() - Number(ago[1]) * unit));
  }
  const millis = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2})?)?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(millis) || millis < 0) {
    throw new InvalidArgumentError('It is a time such as 10m (ago), 2h, or 2026-11-20T06:00Z.');
  }
  return millis;
}

/** How long to keep something: `90s`, `10m`, `2h`, `7d`. Gives milliseconds. */
export function readAge(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const unit = units[match?.[2] ?? ''] ?? 0;
  const millis = Math.round(Number(match?.[1] ?? 0) * unit);
  if (millis < 1 || !Number.isSafeInteger(millis)) {
    throw new InvalidArgumentError('It is an age such as 90s, 10m, 2h or 7d.');
  }
  return millis;
}
