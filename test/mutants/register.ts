/**
 * Preload for one mutant: `MUTANT=name node --import tsx --import ./test/mutants/register.ts FILE`
 * runs FILE with the mutant's patches in the place of the sources.
 */

import { register } from 'node:module';
import { mutants } from './mutants.js';

const name = process.env['MUTANT'];
const mutant = mutants.find((each) => each.name === name);
if (mutant === undefined) throw new Error(`no mutant is named ${name}`);
register('./source-hooks.ts', {
  parentURL: import.meta.url,
  data: [{ file: mutant.file, from: mutant.from, to: mutant.to }],
});
