/**
 * JSON from outside, taken apart field by field. A value is trusted only after one of these has
 * returned it, and it goes into a fresh object of ours: fields that nobody asks for, `__proto__`
 * among them, are never touched, so they can have no effect. Nothing here recurses on the input.
 * What is wrong is a WireError that names the field.
 */

import { isOneLine } from '../base/one-line.js';
import { decodeUtf8, utf8Bytes, utf8Length } from '../base/utf8.js';
import { WireError } from './wire-error.js';

/** Writes a value as JSON in UTF-8. @throws WireError when it takes more than `bytesMax`. */
export function encodeJson(value: unknown, bytesMax: number, name: string): Uint8Array {
  const bytes = utf8Bytes(JSON.stringify(value));
  if (bytes.length > bytesMax) {
    throw new WireError(`${name} has ${bytes.length} bytes, more than the ${bytesMax} allowed`);
  }
  return bytes;
}

/** Reads JSON that must be an object. */
export function decodeJson(bytes: Uint8Array, bytesMax: number, name: string): JsonFields {
  if (bytes.length > bytesMax) {
    throw new WireError(`${name} has ${bytes.length} bytes, more than the ${bytesMax} allowed`);
  }
  const text = decodeUtf8(bytes);
  if (text === null) throw new WireError(`${name} is not well-formed UTF-8`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The engine's own message may quote the input over several lines, so it is the cause only.
    throw new WireError(`${name} is not JSON`, { cause: error });
  }
  return new JsonFields(value, name);
}

/** The fields of one JSON object. `name` says in errors what it stands for. */
export class JsonFields {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #name: string;

  /** @throws WireError unless `value` is an object. */
  constructor(value: unknown, name: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new WireError(`${name} is not an object`);
    }
    this.#fields = value as Readonly<Record<string, unknown>>;
    this.#name = name;
  }

  /** Whether the field is there at all. */
  has(field: string): boolean {
    return this.#value(field) !== undefined;
  }

  /** A string of 0 … `bytesMax` bytes of UTF-8 on one line: no control characters. */
  line(field: string, bytesMax: number): string {
    return this.#lineOf(this.#value(field), field, bytesMax);
  }

  /** The same, or null. */
  lineOrNull(field: string, bytesMax: number): string | null {
    return this.#value(field) === null ? null : this.line(field, bytesMax);
  }

  /** Like `line`, with at least one character. */
  label(field: string, bytesMax: number): string {
    const text = this.line(field, bytesMax);
    if (text.length === 0) throw this.#fault(field, 'is empty');
    return text;
  }

  /** Lower-case hexadecimal digits, `digitsMin` … `digitsMax` of them. */
  hex(field: string, digitsMin: number, digitsMax: number): string {
    const text = this.line(field, digitsMax);
    if (text.length < digitsMin || !/^[0-9a-f]+$/.test(text)) {
      throw this.#fault(field, `is not ${digitsMin} to ${digitsMax} hexadecimal digits`);
    }
    return text;
  }

  /** The same, or null. */
  hexOrNull(field: string, digitsMin: number, digitsMax: number): string | null {
    return this.#value(field) === null ? null : this.hex(field, digitsMin, digitsMax);
  }

  /** A whole number in `min` … 2⁵³−1. */
  counter(field: string, min = 0): number {
    return this.#counterOf(this.#value(field), field, min);
  }

  /** The same, or null. */
  counterOrNull(field: string, min = 0): number | null {
    const value = this.#value(field);
    return value === null ? null : this.#counterOf(value, field, min);
  }

  flag(field: string): boolean {
    const value = this.#value(field);
    if (typeof value !== 'boolean') throw this.#fault(field, 'is not true or false');
    return value;
  }

  /** One of the words given; null may be among them. */
  oneOf<Word extends string | null>(field: string, words: readonly Word[]): Word {
    const value = this.#value(field);
    for (const word of words) if (word === value) return word;
    throw this.#fault(field, 'is none of the words known');
  }

  /** An object, or null. */
  objectOrNull(field: string): JsonFields | null {
    return this.#value(field) === null ? null : this.object(field);
  }

  object(field: string): JsonFields {
    return new JsonFields(this.#value(field), `${this.#name}.${field}`);
  }

  /** At most `countMax` objects. */
  objects(field: string, countMax: number): readonly JsonFields[] {
    const name = `${this.#name}.${field}`;
    return this.#list(field, countMax).map((value) => new JsonFields(value, name));
  }

  /** At most `countMax` strings, each as `line` has it. */
  lines(field: string, countMax: number, bytesMax: number): readonly string[] {
    return this.#list(field, countMax).map((value) => this.#lineOf(value, field, bytesMax));
  }

  /** At most `countMax` whole numbers, each as `counter` has it. */
  counters(field: string, countMax: number, min = 0): readonly number[] {
    return this.#list(field, countMax).map((value) => this.#counterOf(value, field, min));
  }

  /** The field as it came, for a judge elsewhere; undefined when it is not there. */
  raw(field: string): unknown {
    return this.#value(field);
  }

  #value(field: string): unknown {
    // Own fields only: what is not there must not be found on the prototype.
    return Object.hasOwn(this.#fields, field) ? this.#fields[field] : undefined;
  }

  #list(field: string, countMax: number): readonly unknown[] {
    const value = this.#value(field);
    if (!Array.isArray(value)) throw this.#fault(field, 'is not a list');
    if (value.length > countMax) {
      throw this.#fault(field, `has ${value.length} rows, more than the ${countMax} allowed`);
    }
    return value;
  }

  #lineOf(value: unknown, field: string, bytesMax: number): string {
    if (typeof value !== 'string') throw this.#fault(field, 'is not a string');
    if (value.length > bytesMax || utf8Length(value) > bytesMax) {
      throw this.#fault(field, `has more than ${bytesMax} bytes`);
    }
    if (!isOneLine(value)) throw this.#fault(field, 'holds control characters');
    return value;
  }

  #counterOf(value: unknown, field: string, min: number): number {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min) {
      throw this.#fault(field, `is not a whole number in ${min} … 2^53 - 1`);
    }
    // JSON has a negative zero; a counter has not.
    return value === 0 ? 0 : value;
  }

  #fault(field: string, what: string): WireError {
    return new WireError(`${this.#name}.${field} ${what}`);
  }
}
