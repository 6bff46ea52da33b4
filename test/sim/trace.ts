/**
 * What happened, as a hash and, when wanted, as text. Every run hashes what it does; only a run
 * that is told to keeps its last events as lines, for people.
 */

import type { Packet } from './connection.js';
import type { Scheduler } from './scheduler.js';

/** Mixes a number into a 32-bit hash. */
export function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}

/** The trace of one run. */
export class Trace {
  readonly #scheduler: Scheduler;
  readonly #linesMax: number;
  readonly #lines: string[] = [];
  #low = 1;
  #high = 2;

  /** @param linesMax how many of the last events to keep as text; 0: none, which is fast. */
  constructor(scheduler: Scheduler, linesMax: number) {
    this.#scheduler = scheduler;
    this.#linesMax = linesMax;
  }

  /** Whether lines are kept: then callers make them. */
  get isOn(): boolean {
    return this.#linesMax > 0;
  }

  /** 16 hexadecimal digits for all that happened so far. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  /** The last events, the oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Takes numbers into the hash. */
  number(value: number): void {
    this.#low = mix(this.#low, value);
    this.#high = mix(this.#high + 1, value ^ this.#low);
  }

  /** An event of some weight: into the hash, and a line. @param detail for the line alone. */
  event(text: string, detail = ''): void {
    for (let i = 0; i < text.length; i++) this.#low = mix(this.#low, text.charCodeAt(i));
    this.#high = mix(this.#high, this.#low);
    if (this.#linesMax > 0) this.line(detail === '' ? text : `${text} ${detail}`);
  }

  /** A line alone. */
  line(text: string): void {
    if (this.#linesMax === 0) return;
    if (this.#lines.length >= this.#linesMax) this.#lines.shift();
    const seconds = (this.#scheduler.nowMillis / 1000).toFixed(4).padStart(9);
    this.#lines.push(`${seconds}  ${text}`);
  }

  /** Frames that arrived. */
  packet(from: number, to: number, packet: Extract<Packet, { kind: 'frames' }>): void {
    this.number(this.#scheduler.nowMillis * 1024);
    this.number(from * 64 + to);
    this.number(packet.bytes);
  }
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
