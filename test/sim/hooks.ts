/**
 * Where the checkers look in: the steps of every core and the entries that every machine takes, by
 * wrapping the classes' methods in this process. Nothing in src knows of it, and nothing is
 * changed by it; between runs the wrappers pass everything through.
 */

import type { ApplyMeta, Command, Reply } from '../../src/machine/commands.js';
import { Machine } from '../../src/machine/machine.js';
import { MachineRestoring } from '../../src/machine/restoring.js';
import type { FrozenState } from '../../src/machine/state-rows.js';
import { RaftCore } from '../../src/raft/core.js';
import type { Effect } from '../../src/raft/effects.js';
import type { Input } from '../../src/raft/inputs.js';
import { Driver } from '../../src/replica/driver.js';

/** Who looks. */
export interface Watcher {
  /** A member begins to take part; all wishes to its core go through its driver. */
  started(driver: Driver): void;
  /** A core took an input (null: its start) and gave effects, none of them carried out yet. */
  stepped(input: Input | null, effects: readonly Effect[]): void;
  /** A machine's state was frozen, to become a snapshot. */
  frozen(machine: Machine): void;
  /** A machine was made of a snapshot that is good from one end to the other. */
  restored(machine: Machine): void;
  /** A machine took an entry in. */
  applied(machine: Machine, meta: ApplyMeta, command: Command | null, reply: Reply | null): void;
}

let watcher: Watcher | null = null;
let isInstalled = false;

/** From now on `who` looks; null: nobody. */
export function watch(who: Watcher | null): void {
  watcher = who;
  if (!isInstalled) install();
  isInstalled = true;
}

function install(): void {
  const { start, step } = RaftCore.prototype;
  RaftCore.prototype.start = function (this: RaftCore): readonly Effect[] {
    const effects = start.call(this);
    watcher?.stepped(null, effects);
    return effects;
  };
  RaftCore.prototype.step = function (this: RaftCore, input: Input): readonly Effect[] {
    const effects = step.call(this, input);
    watcher?.stepped(input, effects);
    return effects;
  };
  const { start: begin } = Driver.prototype;
  Driver.prototype.start = function (this: Driver): void {
    watcher?.started(this);
    begin.call(this);
  };
  const { freeze } = Machine.prototype;
  Machine.prototype.freeze = function (this: Machine): FrozenState {
    watcher?.frozen(this);
    return freeze.call(this);
  };
  const { finish } = MachineRestoring.prototype;
  MachineRestoring.prototype.finish = function (this: MachineRestoring): Machine {
    const machine = finish.call(this);
    watcher?.restored(machine);
    return machine;
  };
  const { apply, applyConfiguration, applyNoop } = Machine.prototype;
  Machine.prototype.apply = function (this: Machine, meta: ApplyMeta, command: Command): Reply {
    const reply = apply.call(this, meta, command);
    watcher?.applied(this, meta, command, reply);
    return reply;
  };
  Machine.prototype.applyConfiguration = function (this: Machine, meta, configuration): void {
    applyConfiguration.call(this, meta, configuration);
    watcher?.applied(this, meta, null, null);
  };
  Machine.prototype.applyNoop = function (this: Machine, meta: ApplyMeta): void {
    applyNoop.call(this, meta);
    watcher?.applied(this, meta, null, null);
  };
}
