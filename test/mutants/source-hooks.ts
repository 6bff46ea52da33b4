/**
 * Loads a file of src otherwise than it stands on disk: the product needs no switch for it. Runs in
 * the thread of Node's module hooks; `register.ts` puts it there and says which patches. A patch
 * whose text does not stand in its file exactly once is stale, and the process fails.
 * The patched text is compiled here, so it does not matter whether other hooks run before or after.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { patched, type SourcePatch } from './source-patch.js';

interface LoadContext {
  readonly format?: string | null;
}

interface Loaded {
  readonly format: string;
  readonly source: string;
  readonly shortCircuit?: boolean;
}

let patches: readonly SourcePatch[] = [];

/** Node calls this once, with what `register` was given. */
export function initialize(given: readonly SourcePatch[]): void {
  patches = given;
}

/** Node calls this for every module. */
export async function load(
  url: string,
  context: LoadContext,
  nextLoad: (url: string, context: LoadContext) => Promise<Loaded>,
): Promise<Loaded> {
  const plain = url.split('?')[0] as string;
  const mine = patches.filter(({ file }) => plain.endsWith(`/${file}`));
  if (mine.length === 0 || !plain.startsWith('file:')) return nextLoad(url, context);
  const path = fileURLToPath(plain);
  const text = mine.reduce((source, patch) => patched(source, patch), readFileSync(path, 'utf8'));
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    inlineSourceMap: true,
  };
  const { outputText } = ts.transpileModule(text, { compilerOptions, fileName: path });
  return { format: 'module', source: outputText, shortCircuit: true };
}
