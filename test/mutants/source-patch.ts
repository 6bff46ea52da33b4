/**
 * One change of one source file, as text: what mutants are made of. Two kinds: a text that stands
 * there exactly once gives way to another, or every match of a pattern does (for tools that need
 * to look into private fields).
 */

/** A change of the file that ends with `file`, a path from the root of the repository. */
export type SourcePatch =
  | { readonly file: string; readonly from: string; readonly to: string }
  | { readonly file: string; readonly pattern: string; readonly to: string };

/** The text after the patch. @throws Error when `from` does not stand in it exactly once. */
export function patched(source: string, patch: SourcePatch): string {
  if ('pattern' in patch) return source.replace(new RegExp(patch.pattern, 'g'), patch.to);
  const parts = source.split(patch.from);
  if (parts.length !== 2) {
    throw new Error(`stale: found ${parts.length - 1} times in ${patch.file}: ${patch.from}`);
  }
  return parts.join(patch.to);
}
