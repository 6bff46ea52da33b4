/**
 * What a mutant is: one rule of the product broken on purpose, as a change of text in one source
 * file, and the test that must fail with it.
 */

/** A mutant and its killer. */
export interface Mutant {
  /** In kebab-case: `MUTANT=name` chooses it. */
  readonly name: string;
  /** Rows of docs/traps.md that it belongs to; none: a rule of its own. */
  readonly traps: readonly number[];
  /** From the root of the repository. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly from: string;
  readonly to: string;
  /** The test that must fail: its file under test/, and a part of its name. */
  readonly killer: { readonly file: string; readonly test: string };
  /** What would go wrong in the world, one line. */
  readonly why: string;
}
