/**
 * What the help of every command ends with.
 */

/** Examples, each a line without `quorate`. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  quorate ${line}`).join('\n')}`;
}
