/**
 * Mutants of snapshots: what is frozen, how it is written, what a server begins from.
 */

import type { Mutant } from './mutant.js';

const machineTest = 'machine/snapshot.test.ts';
const filesTest = 'storage/snapshot-files.test.ts';
const replicaTest = 'replica/snapshotter.test.ts';
const goesOn = 'a machine restored while the frozen one went on';

/** Rules of snapshots, each broken. */
export const snapshotMutants: readonly Mutant[] = [
  {
    name: 'snapshot-without-sessions',
    traps: [45],
    file: 'src/machine/machine.ts',
    from: '      this.#sessions.freeze(),\n',
    to: '',
    killer: { file: machineTest, test: 'trap 45: a request that was repeated' },
    why: 'a request that is sent again after a restart is done twice',
  },
  {
    name: 'snapshot-without-members',
    traps: [45],
    file: 'src/machine/machine.ts',
    from: '      this.#members.freeze(),\n',
    to: '',
    killer: { file: machineTest, test: 'trap 45: configuration, tombstones' },
    why: 'removed members are forgotten',
  },
  {
    name: 'snapshot-index-one-ahead',
    traps: [42],
    file: 'src/machine/machine.ts',
    from: '    const index = this.#appliedIndex;\n    const term',
    to: '    const index = this.#appliedIndex + 1;\n    const term',
    killer: { file: machineTest, test: goesOn },
    why: 'the entry behind the snapshot is never applied',
  },
  {
    name: 'frozen-sessions-change',
    traps: [42],
    file: 'src/machine/sessions.ts',
    from: '    if (session.epoch === this.#epoch) return session;\n',
    to: '    if (session.epoch <= this.#epoch) return session;\n',
    killer: { file: machineTest, test: goesOn },
    why: 'a snapshot holds replies of commands that it does not hold',
  },
  {
    name: 'frozen-streams-change',
    traps: [42],
    file: 'src/machine/streams.ts',
    from: '    if (found.epoch === this.#epoch) return found;\n',
    to: '    if (found.epoch <= this.#epoch) return found;\n',
    killer: { file: machineTest, test: goesOn },
    why: 'a snapshot holds records that come after it, and they are counted twice',
  },
  {
    name: 'snapshot-named-before-its-sync',
    traps: [41],
    file: 'src/storage/snapshot-writer.ts',
    from: '      this.#file.sync((syncError) => {\n        if',
    to: '      ((then: Done) => then(null))((syncError) => {\n        if',
    killer: { file: filesTest, test: 'a crash at every operation' },
    why: 'a power cut leaves zeros under the name of a snapshot',
  },
  {
    name: 'snapshot-name-not-synced',
    traps: [41],
    file: 'src/storage/snapshot-writer.ts',
    from: '            disk.syncDirectory(directory, (directoryError) => {\n',
    to: '            ((then: Done) => then(null))((directoryError) => {\n',
    killer: { file: filesTest, test: 'a crash at every operation' },
    why: 'older snapshots are removed before the newer one is there',
  },
  {
    name: 'snapshot-hash-unchecked',
    traps: [40],
    file: 'src/storage/snapshot-reader.ts',
    from: "    if (counted.hash.some((byte, i) => byte !== hash[i])) throw new WireError('a wrong SHA-256');\n",
    to: '',
    killer: { file: filesTest, test: 'a chunk of another snapshot' },
    why: 'a machine is made of pieces of two states',
  },
  {
    name: 'snapshot-crc-unchecked',
    traps: [40],
    file: 'src/storage/snapshot-format.ts',
    from: '  return crc === frameCrc(head, payload, number, checksum);\n',
    to: '  return crc >= 0 || frameCrc(head, payload, number, checksum) > 0;\n',
    killer: { file: filesTest, test: 'every turned bit' },
    why: 'rotten rows get into a machine in the making',
  },
  {
    name: 'damaged-snapshot-ends-the-search',
    traps: [40],
    file: 'src/storage/snapshot-files.ts',
    from: '      this.#tryNext(older, admit, done);\n',
    to: '      done(null);\n',
    killer: { file: filesTest, test: 'every turned bit' },
    why: 'the older snapshot is kept for nothing',
  },
  {
    name: 'snapshot-of-another-term',
    traps: [12],
    file: 'src/replica/restore.ts',
    from: '  if (term !== there) return',
    to: '  if (term === -1) return',
    killer: { file: replicaTest, test: 'trap 12' },
    why: 'a server begins in a state that its log never had',
  },
  {
    name: 'snapshot-of-another-cluster',
    traps: [12],
    file: 'src/replica/restore.ts',
    from: '  if (clusterId !== order.clusterId) return',
    to: "  if (clusterId === '') return",
    killer: { file: replicaTest, test: 'trap 12' },
    why: 'after a rescue the state of the old cluster comes back',
  },
  {
    name: 'snapshot-ahead-of-the-log',
    traps: [38],
    file: 'src/replica/snapshotter.ts',
    from: '    work.isWaiting = core.status().persisted < work.index;\n',
    to: '    work.isWaiting = core.status().persisted < 0;\n',
    killer: { file: replicaTest, test: 'waits for the own disk' },
    why: 'after a power cut a server knows more than its log',
  },
  {
    name: 'snapshot-takes-the-last-room',
    traps: [],
    file: 'src/replica/snapshotter.ts',
    from: '    if (!hasRoom()) return;\n',
    to: '',
    killer: { file: replicaTest, test: 'none is begun while the disk is full' },
    why: 'a full disk stays full for a snapshot that nobody needs',
  },
  {
    name: 'snapshots-side-by-side',
    traps: [],
    file: 'src/replica/snapshotter.ts',
    from: '    if (this.#work !== null || this.#stopped !== null || !this.#isDue()) return;\n',
    to: '    if (this.#stopped !== null || !this.#isDue()) return;\n',
    killer: { file: replicaTest, test: 'only one is under way' },
    why: 'two writers of one name',
  },
];
