/**
 * Tells a person, step by step, what a demonstration does and sees: lines with the time since its
 * beginning, and at the end what was checked. Coloured on a terminal unless NO_COLOR is set, plain
 * when piped. It decides nothing; a check that fails throws, and ends the play.
 */

import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** One telling, on standard output. */
export class Teller {
  readonly #begunAt = performance.now();
  readonly #isColoured = process.stdout.isTTY === true && !process.env['NO_COLOR'];
  readonly #checked: string[] = [];
  #steps = 0;

  title(text: string): void {
    console.log(this.#styled('bold', text));
  }

  /** Opens the next step. */
  step(text: string): void {
    this.#steps += 1;
    console.log(`\n${this.#styled('bold', `${this.#steps}. ${text}`)}`);
  }

  /** One thing that was done or seen, now. */
  say(text: string): void {
    const seconds = ((performance.now() - this.#begunAt) / 1000).toFixed(1).padStart(5);
    console.log(`  ${this.#styled('dim', `${seconds} s`)}  ${text}`);
  }

  /** Text as it is, a table for instance. */
  show(text: string): void {
    console.log(text);
  }

  /** Keeps a claim for the summary. @throws Error when it does not hold, with what was seen. */
  check(claim: string, holds: boolean, seen: string): void {
    if (!holds) throw new Error(`not so: ${claim}; seen: ${seen}`);
    this.#checked.push(claim);
  }

  /** What was checked, and how long everything took. */
  summary(): void {
    console.log(`\n${this.#styled('bold', 'Checked')}`);
    for (const claim of this.#checked) console.log(`  ${this.#styled('green', '✓')} ${claim}`);
    const seconds = ((performance.now() - this.#begunAt) / 1000).toFixed(1);
    console.log(`\n${this.#styled('green', 'All is as it should be')}, in ${seconds} s.`);
  }

  /** Why the play ended early, and what goes with it. */
  fail(reason: string, details: string): void {
    console.log(`\n  ${this.#styled('red', '✗')} ${reason}`);
    if (details !== '') console.log(`\n${details}`);
  }

  #styled(style: Style, text: string): string {
    return this.#isColoured ? styleText(style, text) : text;
  }
}

/** Many as 1,234. */
export function counted(count: number): string {
  return count.toLocaleString('en-US');
}
