/**
 * All checkers of one world behind the places where they look in: each event goes to whom it
 * concerns. The first violation is kept, for the driver of the server at fault would take an
 * exception for its own; the world looks after every event.
 */

import type { ApplyMeta, Command, Reply } from '../../src/machine/commands.js';
import type { Machine } from '../../src/machine/machine.js';
import type { Effect } from '../../src/raft/effects.js';
import type { Input } from '../../src/raft/inputs.js';
import type { Entry, Index, LogBase, MemberId, Term } from '../../src/raft/types.js';
import type { Driver } from '../../src/replica/driver.js';
import type { RecoveredLog } from '../../src/storage/log-store.js';
import { decodeMessage } from '../../src/wire/message-codec.js';
import { CommitChecker } from './commit-checker.js';
import { ConfigurationChecker } from './configuration-checker.js';
import type { Watcher } from './hooks.js';
import { LogChecker } from './log-checker.js';
import { MachineChecker } from './machine-checker.js';
import { MachineModel } from './machine-model.js';
import type { Marks } from './marks.js';
import { RecoveryChecker } from './recovery-checker.js';
import { type Pending, type Persist, prefixHash, Shadow } from './shadow.js';
import type { Sight } from './sight.js';
import type { Trace } from './trace.js';
import { demand, Violation } from './violation.js';
import type { VoteChecker } from './vote-checker.js';

/** Type bytes of the messages that promise something (wire/message-codec). */
const voteReplyCode = 2;
const appendReplyCode = 4;

/** All checkers. */
export class Checkers implements Watcher {
  readonly shadows = new Map<MemberId, Shadow>();
  readonly model = new MachineModel();
  readonly commits: CommitChecker;
  readonly log: LogChecker;
  readonly machines: MachineChecker;
  readonly configurations: ConfigurationChecker;
  /** What was found first. */
  violation: Error | null = null;
  /** Who else wants to see what happens; it must not act at once, but in an event of its own. */
  onSight: ((sight: Sight) => void) | null = null;
  /** Hears when the state of a member is frozen; it must not act at once either. */
  onFrozen: ((shadow: Shadow) => void) | null = null;
  /** The driver of each member's present or last life. */
  readonly drivers = new Map<MemberId, Driver>();
  readonly #votes: VoteChecker;
  readonly #recovery: RecoveryChecker;
  readonly #marks: Marks;
  readonly #trace: Trace;
  readonly #current: () => Shadow | null;
  /** Configurations in logs, by index, of the committed prefix. */
  readonly #configurationAt = new Map<Index, { readonly hash: number; readonly entry: Entry }[]>();
  #configurationsCommitted: Index = 0;

  /** @param current the member whose event runs. */
  constructor(
    base: LogBase,
    deps: {
      readonly marks: Marks;
      readonly trace: Trace;
      readonly votes: VoteChecker;
      readonly current: () => Shadow | null;
    },
  ) {
    const { marks } = deps;
    this.#marks = marks;
    this.#trace = deps.trace;
    this.#current = deps.current;
    this.#votes = deps.votes;
    this.commits = new CommitChecker(this.shadows);
    this.commits.commitMax = base.index;
    this.log = new LogChecker(this.commits, marks);
    const committed = this.commits;
    this.machines = new MachineChecker(base.index, { model: this.model, committed, marks });
    this.configurations = new ConfigurationChecker(marks);
    this.configurations.committed(base.index, base.configuration);
    this.#recovery = new RecoveryChecker(marks);
  }

  /** Runs a check; what it finds is kept. */
  check(work: () => void): void {
    if (this.violation !== null) return;
    try {
      work();
    } catch (error) {
      this.violation = error instanceof Error ? error : new Violation(String(error));
    }
  }

  /** A member opened its log. */
  opened(id: MemberId, name: string, recovered: RecoveredLog): Shadow {
    let shadow = this.shadows.get(id);
    if (shadow === undefined) {
      shadow = new Shadow(id, name, recovered.base);
      this.shadows.set(id, shadow);
    }
    const known = shadow;
    this.check(() => this.#recovery.opened(known, recovered));
    return known;
  }

  started(driver: Driver): void {
    const shadow = this.#current();
    if (shadow !== null) this.drivers.set(shadow.id, driver);
  }

  stepped(input: Input | null, effects: readonly Effect[]): void {
    if (this.violation !== null || effects.length === 0) {
      if (input?.type === 'read') this.#readBegins(input.ref);
      return;
    }
    const shadow = this.#current();
    if (shadow === null) return;
    this.check(() => {
      if (input?.type === 'read') this.#readBegins(input.ref);
      this.#stepped(shadow, effects);
    });
  }

  applied(machine: Machine, meta: ApplyMeta, command: Command | null, reply: Reply | null): void {
    const shadow = this.#current();
    if (shadow === null || this.violation !== null) return;
    this.check(() => this.machines.applied(shadow, machine, meta, { command, reply }));
  }

  frozen(machine: Machine): void {
    // Not by the event that runs: the operator's wish to stop a server is an event of nobody's.
    const shadow = [...this.shadows.values()].find((one) => one.machine === machine);
    if (shadow === undefined) return;
    this.check(() => this.machines.compare(shadow, machine, machine.appliedIndex));
    this.onFrozen?.(shadow);
  }

  restored(machine: Machine): void {
    const shadow = this.#current();
    if (shadow !== null) this.check(() => this.machines.restored(shadow, machine));
  }

  /** The oldest persist of a member is on its disk. */
  persisted(shadow: Shadow): void {
    this.check(() => {
      const pending = shadow.pending.shift();
      demand(pending !== undefined, () => `${shadow.name}: a persist ends that never began`);
      const { persist, hashes } = pending as Pending;
      const { hardState, truncateFrom, entries } = persist;
      if (hardState !== null) {
        this.#votes.hardState(shadow, hardState);
        shadow.hardState = hardState;
      }
      if (truncateFrom !== null) shadow.disk.cut(truncateFrom);
      for (let i = 0; i < entries.length; i++) {
        const { index, term } = entries[i] as Entry;
        const hash = hashes[i] as number;
        shadow.disk.add(index, term, hash);
        this.log.onDisk(shadow, index, term, hash);
      }
    });
    this.onSight?.({ type: 'written', shadow });
  }

  /** A frame of the consensus channel leaves a member. */
  sending(shadow: Shadow, frame: Uint8Array): void {
    const code = frame[0];
    if (code !== voteReplyCode && code !== appendReplyCode) return;
    this.check(() => this.#votes.sent(shadow, decodeMessage(frame)));
  }

  #stepped(shadow: Shadow, effects: readonly Effect[]): void {
    const last = effects[effects.length - 1];
    const told = last?.type === 'roleChanged' ? last : null;
    const leads = told === null ? shadow.leads : told.role === 'leader';
    let isTouched = false;
    for (const effect of effects) {
      switch (effect.type) {
        case 'persist':
          this.#persists(shadow, effect, { leads, term: told?.term ?? shadow.term });
          isTouched = true;
          break;
        case 'apply':
          this.commits.committed(shadow, effect.upTo);
          this.#trace.number(effect.upTo * 64 + shadow.id);
          this.#configurationsUpTo(shadow, effect.upTo);
          break;
        case 'answerRead':
          this.#readEnds(shadow, effect.ref, effect.index);
          break;
        case 'configured':
          shadow.configuration = effect.configuration;
          shadow.configurationIndex = effect.index;
          break;
        case 'fetch':
          this.#marks.hit('entries fetched from disk');
          break;
        case 'roleChanged':
          this.#roleChanged(shadow, effect);
          break;
        case 'note':
          this.#trace.event(`${shadow.name}: ${effect.event}`, this.#fields(effect.fields));
          break;
        default:
      }
    }
    if (isTouched) this.configurations.inForce(shadow);
  }

  #fields(fields: Readonly<Record<string, string | number | boolean>>): string {
    return this.#trace.isOn ? JSON.stringify(fields) : '';
  }

  #persists(
    shadow: Shadow,
    persist: Persist,
    now: { readonly leads: boolean; readonly term: Term },
  ): void {
    const { leads } = now;
    this.log.persists(shadow, persist, now);
    const { truncateFrom, entries } = persist;
    const { memory } = shadow;
    const { configurationIndexes } = shadow;
    if (truncateFrom !== null) {
      memory.cut(truncateFrom);
      while ((configurationIndexes.at(-1) ?? 0) >= truncateFrom) configurationIndexes.pop();
    }
    const hashes: number[] = [];
    let hash = memory.hash(memory.lastIndex);
    for (const entry of entries) {
      hash = prefixHash(hash, entry);
      hashes.push(hash);
      memory.add(entry.index, entry.term, hash);
      if (entry.configuration === null) continue;
      configurationIndexes.push(entry.index);
      if (leads) this.configurations.proposed(shadow, entry);
      const known = this.#configurationAt.get(entry.index);
      if (known === undefined) this.#configurationAt.set(entry.index, [{ hash, entry }]);
      else known.push({ hash, entry });
    }
    shadow.pending.push({ persist, hashes });
    if (this.#trace.isOn) this.#traceOf(shadow, persist);
    if (entries.length > 0) this.onSight?.({ type: 'appends', shadow, entries, leads });
  }

  #traceOf(shadow: Shadow, { truncateFrom, hardState, entries }: Persist): void {
    const cut = truncateFrom === null ? '' : ` cut from ${truncateFrom}`;
    const hard = hardState === null ? '' : ` term ${hardState.term} vote ${hardState.vote}`;
    const [first, last] = [entries[0], entries[entries.length - 1]];
    const list =
      first === undefined || last === undefined
        ? ''
        : ` entries ${first.index}…${last.index} of term ${last.term}`;
    this.#trace.line(`${shadow.name}: writes${cut}${hard}${list}`);
  }

  #configurationsUpTo(shadow: Shadow, upTo: Index): void {
    for (let index = this.#configurationsCommitted + 1; index <= upTo; index++) {
      this.#configurationsCommitted = index;
      const candidates = this.#configurationAt.get(index);
      if (candidates === undefined) continue;
      const hash = shadow.memory.hash(index);
      const configuration = candidates.find((one) => one.hash === hash)?.entry.configuration;
      if (!configuration) continue;
      this.configurations.committed(index, configuration);
      const stays = configuration.members.some(({ id }) => id === shadow.id);
      if (shadow.leads && !stays) this.#marks.hit('leader removed');
    }
  }

  #roleChanged(shadow: Shadow, effect: Extract<Effect, { type: 'roleChanged' }>): void {
    const { role, term, leader } = effect;
    demand(term >= shadow.hardState.term, () => `${shadow.name}: its term fell to ${term}`);
    if (role === 'leader' && (!shadow.leads || shadow.term !== term)) {
      this.log.elected(shadow, term);
      this.#marks.hit('leader elected');
    }
    if (role !== shadow.role || term !== shadow.term) {
      this.#trace.event(`${shadow.name}: ${role} in term ${term}, leader ${leader}`);
    }
    const isElected = role === 'leader' && (!shadow.leads || shadow.term !== term);
    shadow.role = role;
    shadow.term = term;
    if (isElected) this.onSight?.({ type: 'elected', shadow });
  }

  #readBegins(ref: number): void {
    this.#current()?.reads.set(ref, this.commits.commitMax);
  }

  #readEnds(shadow: Shadow, ref: number, index: Index): void {
    const least = shadow.reads.get(ref);
    demand(least !== undefined, () => `${shadow.name}: read ${ref} is answered twice or unasked`);
    demand(
      index >= (least as Index),
      () => `${shadow.name}: stale read ${ref}: index ${index}, but ${least} was committed before`,
    );
    shadow.reads.delete(ref);
  }
}
