/**
 * Mutants of reading streams: src/replica/record-*, the follows of front and client, and what a
 * client may put together.
 */

import type { Mutant } from './mutant.js';

/** Rules of reading, each broken. */
export const readerMutants: readonly Mutant[] = [
  {
    name: 'trimmed-skipped-in-silence',
    traps: [],
    file: 'src/replica/record-start.ts',
    from: 'if (from.seq !== 0 && from.seq < firstSeq) {',
    to: 'if (from.seq < 0) {',
    killer: { file: 'front/follow.test.ts', test: 'a follow that is overtaken by a trim fails' },
    why: 'a reader that was overtaken by a trim goes on behind the gap and never knows',
  },
  {
    name: 'follow-without-a-place',
    traps: [],
    file: 'src/client/follow.ts',
    from: 'if (this.#nextSeq === 0) this.#nextSeq = reply.nextSeq;',
    to: '',
    killer: { file: 'client/streams.test.ts', test: 'misses nothing over a lost server' },
    why: 'a follow of an empty stream begins anew after a loss, behind what came and went meanwhile',
  },
  {
    name: 'search-takes-in-what-came',
    traps: [],
    file: 'src/replica/record-start.ts',
    from: 'const nextSeq = Math.max(this.#nextSeq, firstSeq);',
    to: 'const nextSeq = endsOf(this.#source, this.#stream).nextSeq;',
    killer: { file: 'replica/record-reader.test.ts', test: 'takes in nothing appended' },
    why: 'a read from a time gives records that are older',
  },
  {
    name: 'conditions-shared',
    traps: [],
    file: 'src/client/client.ts',
    from: 'const mayShare = isPlain && result',
    to: 'const mayShare = result',
    killer: { file: 'client/streams.test.ts', test: 'appends with conditions travel alone' },
    why: 'records of other callers are appended, or refused, under the condition of one',
  },
  {
    name: 'cut-answer-called-complete',
    traps: [],
    file: 'src/replica/record-reader.ts',
    from: 'const complete = records.length === wanted;',
    to: 'const complete = true;',
    killer: { file: 'replica/record-reader.test.ts', test: 'an answer is complete unless' },
    why: 'a reader believes that it has all it asked for',
  },
];
