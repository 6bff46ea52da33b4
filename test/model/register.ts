/**
 * Preload of the model checker: `node --import tsx --import ./test/model/register.ts FILE`. With
 * MUTANT=name that mutant's patch is loaded too.
 */

import { register } from 'node:module';
import { mutants } from '../mutants/mutants.js';
import { plainPatches } from './plain-patches.js';

const mutant = mutants.find(({ name }) => name === process.env['MUTANT']);
const patch = mutant === undefined ? null : { file: mutant.file, from: mutant.from, to: mutant.to };
register('../mutants/source-hooks.ts', {
  parentURL: import.meta.url,
  data: plainPatches(patch),
});
