/**
 * Runs the scenario files: lines that begin with `>` are commands (scenario-world.ts), the lines
 * after one are the trace it must leave, `#` begins a comment. REWRITE=1 writes the traces that the
 * code leaves now into the files: what changed is judged in the diff.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ScenarioWorld } from './scenario-world.js';

const folder = fileURLToPath(new URL('./scenarios', import.meta.url));
const rewrite = process.env['REWRITE'] === '1';

/** The file as it would be with the traces that the code leaves now. */
function replay(source: string): string {
  const world = new ScenarioWorld();
  const lines: string[] = [];
  for (const line of source.split('\n')) {
    const isTrace = line !== '' && !line.startsWith('#') && !line.startsWith('>');
    if (isTrace) continue;
    lines.push(line);
    if (line.startsWith('>')) lines.push(...world.run(line.slice(1)));
  }
  return lines.join('\n');
}

const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));

test('there are scenarios', () => {
  assert.ok(files.length >= 15, `${files.length} files`);
});

for (const name of files) {
  const path = join(folder, name);
  const source = readFileSync(path, 'utf8');
  // The first comment of a file is its title.
  const title = /^# (.*)/.exec(source)?.[1] ?? name;
  test(`${name}: ${title}`, () => {
    const now = replay(source);
    if (rewrite) writeFileSync(path, now);
    else assert.fixture(now, source);
  });
}

test.run();
