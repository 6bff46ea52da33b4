/**
 * The machines: each member applies every index once and in order, gives the reply that the model
 * gives, and what is applied is committed. Whole states are compared by hash now and then.
 */

import type { ApplyMeta, Command, Reply } from '../../src/machine/commands.js';
import type { Machine } from '../../src/machine/machine.js';
import type { Index } from '../../src/raft/types.js';
import type { CommittedPrefixes } from './log-checker.js';
import { type MachineModel, replyWord } from './machine-model.js';
import type { Marks } from './marks.js';
import type { Shadow } from './shadow.js';
import { demand } from './violation.js';

/** Machines are compared whole at every so-manieth index. */
const hashEvery = 512;

/** Checks what is applied. */
export class MachineChecker {
  readonly #model: MachineModel;
  readonly #committed: CommittedPrefixes;
  readonly #marks: Marks;
  /** The reply of each index, as the model gave it; null: no command. */
  readonly #words: (string | null)[] = [];
  readonly #hashes = new Map<Index, string>();
  appliedMax: Index;

  constructor(
    baseIndex: Index,
    deps: { model: MachineModel; committed: CommittedPrefixes; marks: Marks },
  ) {
    this.#model = deps.model;
    this.#committed = deps.committed;
    this.#marks = deps.marks;
    this.appliedMax = baseIndex;
  }

  applied(
    shadow: Shadow,
    machine: Machine,
    meta: ApplyMeta,
    work: { readonly command: Command | null; readonly reply: Reply | null },
  ): void {
    const { index } = meta;
    const { command, reply } = work;
    const { name } = shadow;
    if (shadow.machine !== machine) {
      shadow.machine = machine;
      shadow.machineIndex = shadow.memory.baseIndex;
    }
    demand(index === shadow.machineIndex + 1, () => `${name} applies ${index} out of order`);
    shadow.machineIndex = index;
    demand(index <= this.#committed.commitMax, () => `${name} applies ${index}, not committed`);
    if (index === this.appliedMax + 1) {
      this.#words[index] = this.#ask(meta, command);
      this.appliedMax = index;
      this.#marksOf(reply, index);
    }
    const word = this.#words[index] ?? null;
    const given = reply === null ? null : replyWord(reply);
    demand(
      given === word,
      () => `${name} answers entry ${index} with "${given}" instead of "${word}"`,
    );
    if (index % hashEvery === 0) this.compare(shadow, machine, index);
  }

  /** A machine begins its life as a snapshot has it: committed, in its server's log, and in the
   * state in which it was frozen there, in whichever life that was. */
  restored(shadow: Shadow, machine: Machine): void {
    const { appliedIndex: index, appliedTerm: term } = machine;
    const { name, disk } = shadow;
    demand(index <= this.#committed.commitMax, () => `${name} restores ${index}, not committed`);
    demand(index <= disk.lastIndex, () => `${name} restores ${index}, ahead of its log`);
    demand(
      index === disk.baseIndex || term === disk.term(index),
      () => `${name} restores entry ${index} of term ${term}, and its log has another`,
    );
    demand(this.#hashes.has(index), () => `${name} restores ${index}, where no state was frozen`);
    this.compare(shadow, machine, index);
    shadow.machine = machine;
    shadow.machineIndex = index;
  }

  /** The whole state is that of the others at this index. */
  compare(shadow: Shadow, machine: Machine, index: Index): void {
    const hash = machine.hash();
    const known = this.#hashes.get(index);
    if (known === undefined) this.#hashes.set(index, hash);
    else demand(hash === known, () => `${shadow.name} has another state than others at ${index}`);
  }

  /** The reply that the model gives. */
  #ask(meta: ApplyMeta, command: Command | null): string | null {
    const model = this.#model;
    const { retentionTrims, ageTrims } = model;
    const word = model.apply(meta, command);
    if (model.retentionTrims > retentionTrims) this.#marks.hit('retention trimmed a stream');
    if (model.ageTrims > ageTrims) this.#marks.hit('age alone trimmed a stream');
    return word;
  }

  #marksOf(reply: Reply | null, index: Index): void {
    if (reply === null) return;
    if (reply.kind !== 'refused') {
      if (reply.index !== index) this.#marks.hit('session command repeated');
    } else if (reply.refusal.code === 'CONFLICT') this.#marks.hit('condition of a write failed');
    else if (reply.refusal.code === 'OUT_OF_ORDER') this.#marks.hit('command out of order');
    else if (reply.refusal.code === 'FENCED') this.#marks.hit('fenced writer refused');
    else if (reply.refusal.code === 'SEALED') this.#marks.hit('record for a sealed view refused');
  }
}
