/**
 * Makes the private fields of the core plain ones as its sources are loaded (mutants/source-hooks):
 * `#name` becomes `_name` in every file of src/raft, and in the generator.
 */

import { readdirSync } from 'node:fs';
import type { SourcePatch } from '../mutants/source-patch.js';

/** The patches; `mutant`: one more, to see that the model finds it. */
export function plainPatches(mutant: SourcePatch | null = null): readonly SourcePatch[] {
  const folder = new URL('../../src/raft/', import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts'));
  const plain = [...files.map((name) => `src/raft/${name}`), 'src/base/rng.ts'].map((file) => ({
    file,
    pattern: '#([a-zA-Z]\\w*)',
    to: '_$1',
  }));
  return mutant === null ? plain : [mutant, ...plain];
}
