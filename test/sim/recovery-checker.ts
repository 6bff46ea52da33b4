/**
 * A log that is opened again says exactly what was on disk, with or without what was on its way: no
 * term, vote or entry that the store called done is ever forgotten, and nothing comes back changed.
 */

import type { RecoveredLog } from '../../src/storage/log-store.js';
import type { Marks } from './marks.js';
import { type PrefixLog, prefixHash, type Shadow } from './shadow.js';
import { demand } from './violation.js';

/** Checks what opening a log gave, and puts the shadow where the log stands. */
export class RecoveryChecker {
  readonly #marks: Marks;

  constructor(marks: Marks) {
    this.#marks = marks;
  }

  opened(shadow: Shadow, recovered: RecoveredLog): void {
    const { name, disk, pending } = shadow;
    if (recovered.tornBytes > 0) this.#marks.hit('torn tail cut');
    shadow.pending = [];
    let found = fits(shadow, recovered);
    for (const { persist, hashes } of found ? [] : pending) {
      if (persist.hardState !== null) shadow.hardState = persist.hardState;
      if (persist.truncateFrom !== null) disk.cut(persist.truncateFrom);
      found = fits(shadow, recovered);
      for (let i = 0; !found && i < persist.entries.length; i++) {
        const entry = persist.entries[i] as (typeof persist.entries)[number];
        disk.add(entry.index, entry.term, hashes[i] as number);
        found = fits(shadow, recovered);
      }
      if (!found) continue;
      this.#marks.hit('write survived the crash it was in');
      break;
    }
    demand(
      found,
      () =>
        `${name} forgot: its log ends at ${recovered.lastIndex}, ` +
        `term ${recovered.hardState.term}, ` +
        `but its disk had ${disk.lastIndex}, term ${shadow.hardState.term}`,
    );
    checkTail(name, disk, recovered);
    shadow.memory.copy(disk);
    shadow.commit = recovered.base.index;
    shadow.role = 'follower';
    shadow.reads.clear();
    shadow.configurationIndexes = recovered.configurations.map(({ index }) => index);
    const newest = recovered.configurations[recovered.configurations.length - 1];
    shadow.configuration = newest?.configuration ?? recovered.base.configuration;
    shadow.configurationIndex = newest?.index ?? recovered.base.configurationIndex;
  }
}

function fits({ disk, hardState }: Shadow, recovered: RecoveredLog): boolean {
  const { lastIndex, termRuns, hardState: found } = recovered;
  const lastTerm = termRuns[termRuns.length - 1]?.term ?? recovered.base.term;
  return (
    disk.lastIndex === lastIndex &&
    (lastIndex === disk.baseIndex || disk.term(lastIndex) === lastTerm) &&
    found.term === hardState.term &&
    found.vote === hardState.vote
  );
}

/** Every entry that is handed over is the one that was written. */
function checkTail(name: string, disk: PrefixLog, { tail }: RecoveredLog): void {
  const first = tail[0];
  if (first === undefined) return;
  let hash = disk.hash(first.index - 1);
  for (const entry of tail) {
    hash = prefixHash(hash, entry);
    demand(
      hash === disk.hash(entry.index),
      () => `${name} read back another entry ${entry.index} than it wrote`,
    );
  }
}
