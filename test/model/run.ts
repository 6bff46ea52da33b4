/**
 * `make model`: explores the named worlds and prints how far it got.
 *
 * Usage: node --import tsx --import ./test/model/register.ts test/model/run.ts [WORLD …]
 * STATES=n and SECONDS=n bound each world.
 */

import { founders } from '../raft/checker.js';
import { Exploration, type Findings } from './explore.js';
import { ModelServer } from './model-server.js';
import { unknownFields } from './plain-core.js';
import { worlds } from './worlds.js';

const limits = {
  statesMax: Number(process.env['STATES'] || 5_000_000),
  secondsMax: Number(process.env['SECONDS'] || 600),
};

function line(found: Findings): string {
  const { depth, states, steps, serverStates, messages, seconds } = found;
  const pace = Math.round(states / Math.max(seconds, 0.001));
  const megabytes = Math.round(process.memoryUsage().rss / 1_000_000);
  return (
    `depth ${depth}: ${states} states, ${steps} steps, ${serverStates} server states, ` +
    `${messages} messages, ${seconds.toFixed(1)} s, ${pace} states/s, ${megabytes} MB`
  );
}

/** A field that the comparison of states does not know would make two worlds one. */
function checkFields(): void {
  const base = { index: 3, term: 0, configuration: founders(3), configurationIndex: 3 };
  const server = new ModelServer(1, base);
  server.act({ kind: 'campaign' }, true);
  const vote = { from: 2, to: 1, term: 1, preVote: false, granted: true } as const;
  server.act({ kind: 'deliver', message: { type: 'voteReply', ...vote } }, true);
  if (server.core.status().role !== 'leader') throw new Error('a vote of two does not elect');
  const unknown = unknownFields(server.core);
  if (unknown.length > 0) throw new Error(`tell plain-core.ts of ${unknown.join(', ')}`);
}

checkFields();
const asked = process.argv.slice(2);
const chosen = Object.entries(worlds).filter(
  ([name]) => asked.length === 0 || asked.includes(name),
);
if (chosen.length === 0) throw new Error(`there are the worlds ${Object.keys(worlds).join(', ')}`);
let broken = 0;
for (const [name, bounds] of chosen) {
  console.log(`${name}: ${JSON.stringify({ ...bounds, changes: bounds.changes.length })}`);
  const found = new Exploration(bounds).run(limits, (now) => console.log(`  ${line(now)}`));
  const end = found.isWhole ? 'the whole space' : 'stopped at its limit';
  console.log(`  ${line(found)}: ${found.violation === null ? end : 'VIOLATION'}`);
  for (const step of found.violation ?? []) console.log(`    ${step}`);
  if (found.violation !== null) broken++;
}
process.exitCode = broken === 0 ? 0 : 1;
