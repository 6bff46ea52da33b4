/**
 * Mutants of streams: views, fences, conditions, trims and retention in src/machine, their bytes,
 * and the stamps that time rests on.
 */

import type { Mutant } from './mutant.js';

const judgeTest = 'machine/stream-judge.test.ts';
const streamsTest = 'machine/streams.test.ts';
const runsTest = 'machine/run-index.test.ts';

/** Rules of streams, each broken. */
export const streamMutants: readonly Mutant[] = [
  {
    name: 'sealed-view-takes-one-more',
    traps: [],
    file: 'src/machine/stream-commands.ts',
    from: 'if (conditions !== undefined || stream?.views.isSealed === true) {',
    to: 'if (conditions !== undefined) {',
    killer: { file: judgeTest, test: 'a plain append asks for nothing, but a sealed view' },
    why: 'whoever took over reads a view to its end, and then it grows',
  },
  {
    name: 'view-condition-ignored',
    traps: [],
    file: 'src/machine/stream-judge.ts',
    from: 'const fault = view === null ? null : viewFault(stream, view);',
    to: 'const fault = null as Refusal | null;',
    killer: { file: judgeTest, test: 'a sealed view is sealed for ever' },
    why: 'a writer of an old view writes into the next one',
  },
  {
    name: 'view-opened-behind-an-older',
    traps: [],
    file: 'src/machine/stream-judge.ts',
    from: 'if (after !== newest) {',
    to: 'if (after > newest) {',
    killer: { file: judgeTest, test: 'a view is opened behind the newest alone' },
    why: 'two that take over both believe that the view is theirs',
  },
  {
    name: 'older-fence-accepted',
    traps: [],
    file: 'src/machine/stream-judge.ts',
    from: 'fence !== null && fence < inForce',
    to: 'fence !== null && fence < inForce - 1',
    killer: { file: judgeTest, test: 'a fence takes force with the append that brings it' },
    why: 'a writer that was replaced goes on writing',
  },
  {
    name: 'fence-of-a-refused-append',
    traps: [],
    file: 'src/machine/stream-commands.ts',
    from: '    const refusal = appendFault(stream, conditions);\n',
    to:
      '    const refusal = appendFault(stream, conditions);\n' +
      '    if (stream !== undefined) streams.own(stream).raiseFence(conditions?.fence ?? 0);\n',
    killer: { file: judgeTest, test: 'a fence takes force with the append that brings it' },
    why: 'an append that was not done locks the rightful writer out',
  },
  {
    name: 'expected-sequence-or-below',
    traps: [],
    file: 'src/machine/stream-judge.ts',
    from: 'expectSeq === null || expectSeq === nextSeq',
    to: 'expectSeq === null || expectSeq <= nextSeq',
    killer: { file: judgeTest, test: 'a repeat under its session' },
    why: 'of two who append behind the same record both do',
  },
  {
    name: 'repeat-judged-anew',
    traps: [],
    file: 'src/machine/machine.ts',
    from: '    if (tag === null) return this.#perform(meta, command);\n',
    to:
      '    if (tag === null || command.op === "changeStream" || "conditions" in command) {\n' +
      '      return this.#perform(meta, command);\n    }\n',
    killer: { file: judgeTest, test: 'a repeat under its session' },
    why: 'an append that was done is told to have been refused, for the record that it is itself',
  },
  {
    name: 'conditions-written-as-none',
    traps: [46],
    file: 'src/wire/append-codec.ts',
    from: 'return flagsOf(conditions) === 0 ? plainAppend : conditionalAppend;',
    to: 'return plainAppend;',
    killer: { file: 'wire/command-codec.test.ts', test: 'append under every condition' },
    why: 'a server from before conditions appends what must not be appended',
  },
  {
    name: 'trim-goes-back',
    traps: [],
    file: 'src/machine/run-index.ts',
    from: '    if (seq <= this.#firstSeq) return;\n',
    to: '',
    killer: { file: runsTest, test: 'a trim gives chunks back, and never goes back itself' },
    why: 'records come back that readers were told are gone, and their entries may be',
  },
  {
    name: 'trim-beyond-the-end',
    traps: [],
    file: 'src/machine/stream.ts',
    from: 'const seq = Math.min(beforeSeq, this.nextSeq);',
    to: 'const seq = beforeSeq;',
    killer: { file: streamsTest, test: 'a trim never goes back, and never beyond the end' },
    why: 'records to come are trimmed before they are there',
  },
  {
    name: 'trimmed-run-goes-on',
    traps: [],
    file: 'src/machine/run-index.ts',
    from: '      this.#lastRecords = 0;\n',
    to: '',
    killer: { file: runsTest, test: 'a trim gives chunks back, and never goes back itself' },
    why: 'after a trim of everything the next records stand nowhere',
  },
  {
    name: 'retention-by-the-stamp',
    traps: [],
    file: 'src/machine/machine.ts',
    from: 'return doAppend(this.#streams, meta, this.#timeMillis, command);',
    to: 'return doAppend(this.#streams, meta, meta.timeMillis, command);',
    killer: { file: 'machine/streams-property.test.ts', test: 'streams do what the model says' },
    why: 'marks run backwards where a stamp does, and replicas from snapshots keep other records',
  },
  {
    name: 'young-records-expire',
    traps: [],
    file: 'src/machine/marks.ts',
    from: 'if (millisAt(at, cursor.row) + stretchMillis - 1 > timeMillis)',
    to: 'if (millisAt(at, cursor.row) > timeMillis)',
    killer: { file: streamsTest, test: 'retention by age: none goes too early' },
    why: 'a stretch goes with its oldest record, and takes younger ones with it',
  },
  {
    name: 'age-waits-for-an-append',
    traps: [],
    file: 'src/machine/machine.ts',
    from: '    this.#streams.expire(this.#timeMillis);\n',
    to: '',
    killer: { file: streamsTest, test: 'retention by age: none goes too early' },
    why: 'what must not be kept any longer is kept for ever where nobody writes',
  },
  {
    name: 'last-stretch-trimmed-for-its-size',
    traps: [],
    file: 'src/machine/marks.ts',
    from: '      seq = seqAt(at, cursor.row);\n',
    to: '      seq = seqAt(at, cursor.row) + 1;\n',
    killer: { file: streamsTest, test: 'retention by bytes goes by whole stretches' },
    why: 'a record is gone as soon as it is appended',
  },
  {
    name: 'stamps-forgotten-with-the-memory',
    traps: [],
    file: 'src/raft/log.ts',
    from: 'return this.#lastTimeMillis;',
    to: 'return this.#tail.at(-1)?.timeMillis ?? 0;',
    killer: { file: 'raft/log.test.ts', test: 'no stamp is forgotten' },
    why: 'time in the log runs backwards, and reads from a time miss records',
  },
  {
    name: 'newest-stamp-left-on-disk',
    traps: [],
    file: 'src/storage/segment-index.ts',
    from: 'if (bytes > bytesMax && start <= this.#lastIndex) return start;',
    to: 'if (bytes > bytesMax) return start;',
    killer: { file: 'storage/wal.test.ts', test: 'the newest entry comes back however little' },
    why: 'a leader that was started anew stamps below what is in its log',
  },
];
