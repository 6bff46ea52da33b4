/**
 * Values on the command line, read strictly: each throws the parser's own error, which names the
 * option and ends in exit code 2.
 */

import { InvalidArgumentError } from 'commander';
import { splitTargets } from './context.js';

/** -t may be given several times, each with several targets. */
export function readTargets(text: string, before: readonly string[] | undefined): string[] {
  const targets = splitTargets(text);
  if (targets.length === 0) throw new InvalidArgumentError('It names no server (HOST:PORT).');
  return [...(before ?? []), ...targets];
}

/** A duration: seconds, or with a unit `500ms`, `2s`, `1m`. Gives milliseconds. */
export function readDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  const unit = { ms: 1, s: 1000, m: 60_000 }[match?.[2] ?? 's'] ?? 1000;
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
