/**
 * A storm: five servers on six machines under a steady load of appends and reads, and every ten
 * seconds a fault. Then all is mended, all is read, and what the clients were told is judged:
 * nothing acknowledged lost, each once and in order, reads linearizable, one leader a term at most.
 * Availability is measured and told, with each fault and the outage behind it.
 * The faults and their order come from a seed; when they hit is the machine's.
 */

import { Rng } from '../../src/base/rng.js';
import type { ClusterStatus } from '../../src/wire/client-messages.js';
import type { StreamOperation } from '../sim/stream-history.js';
import { nowMicros } from './agent-calls.js';
import { type Availability, availability, type Judgement, judge, type Outage } from './history.js';
import type { Lab } from './lab.js';
import {
  begin,
  type Fault,
  type FaultKind,
  faultKinds,
  type Scene,
  victimsOf,
} from './storm-faults.js';

/** What a storm is told. */
export interface StormOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Clients of the load, each of which begins an append so often. */
  readonly clients: number;
  readonly everyMillis: number;
  /** From the beginning of a fault to that of the next. */
  readonly periodMillis: number;
  /** Which faults there are. */
  readonly kinds: readonly FaultKind[];
}

/** The storm that people ask for, but for its length and its seed. */
export const stormDefaults: Omit<StormOptions, 'seconds' | 'seed'> = Object.freeze({
  clients: 3,
  everyMillis: 10,
  periodMillis: 10_000,
  kinds: faultKinds,
});

/** A fault that was, by the machine's clock. */
interface Past {
  readonly at: number;
  readonly text: string;
}

/** What a storm came to. */
export interface StormReport {
  readonly judgement: Judgement;
  readonly availability: Availability;
  readonly faults: number;
  /** Lines for people. */
  readonly lines: readonly string[];
}

/** Servers that are members at the beginning; one more machine waits to join. */
const membersFirst = 5;
/** How long a cluster may take to be whole again once all is mended, milliseconds. */
const wholeMillis = 60_000;

/** One storm, over a lab of six servers. */
export class Storm {
  readonly #lab: Lab;
  readonly #options: StormOptions;
  readonly #rng: Rng;
  readonly #say: (line: string) => void;
  readonly #past: Past[] = [];
  #bag: FaultKind[] = [];
  #begunAt = 0;

  /** @param say takes a line as soon as there is one. */
  constructor(lab: Lab, options: StormOptions, say: (line: string) => void) {
    this.#lab = lab;
    this.#options = options;
    this.#rng = new Rng(options.seed);
    this.#say = say;
  }

  /** @throws Error when a rule of safety is broken, or the cluster does not come back. */
  async run(): Promise<StormReport> {
    const { clients, everyMillis, seconds } = this.#options;
    const lab = this.#lab;
    await lab.grow(membersFirst);
    await lab.untilVoters(membersFirst);
    const targets = lab.addresses;
    await lab.agent().call('startLoad', { targets, clients, everyMillis });
    this.#begunAt = nowMicros();
    await this.#rage(this.#begunAt + seconds * 1e6);
    const endedAt = nowMicros();
    await lab.network.heal();
    const history = await lab.agent().call('stopLoad', null);
    // Safety first: what is lost must be told, also where the cluster does not come back.
    const everything = await this.#judge(history);
    await this.#assertWhole(everything.records);
    const measured = availability(history, this.#begunAt, endedAt);
    const faults = this.#past.filter(({ text }) => !text.startsWith('no ')).length;
    const { judgement } = everything;
    return { judgement, availability: measured, faults, lines: this.#lines(measured) };
  }

  async #rage(endsAt: number): Promise<void> {
    const { periodMillis } = this.#options;
    // The first fault has a second of peace before it, the last one its whole period behind it.
    let next = nowMicros() + 1e6;
    while (next + periodMillis * 1000 <= endsAt) {
      await pauseUntil(next);
      const fault = await this.#strike(next + periodMillis * 1000);
      if (fault !== null) {
        await pauseUntil(nowMicros() + fault.millis * 1000);
        await fault.end();
      }
      next = Math.max(next + periodMillis * 1000, nowMicros());
    }
    await pauseUntil(endsAt);
  }

  /** Begins a fault once the cluster can take one; null when it cannot in time. */
  async #strike(giveUpAt: number): Promise<Fault | null> {
    const kind = this.#draw();
    let why = 'no leader';
    while (nowMicros() < giveUpAt) {
      const scene = await this.#look();
      if (scene !== null && scene.status.faultTolerance >= Math.max(1, victimsOf(kind, scene))) {
        const at = nowMicros();
        const fault = await begin(kind, scene);
        this.#note(at, `${kind}: ${fault.what}`);
        return fault;
      }
      if (scene !== null) why = `one more may not fail: ${membersOf(scene.status)}`;
      await pauseUntil(nowMicros() + 200_000);
    }
    this.#note(nowMicros(), `no ${kind}: ${why}`);
    this.#bag.push(kind);
    return null;
  }

  /** The kinds in turns: all of them before any comes again, in an order by chance. */
  #draw(): FaultKind {
    if (this.#bag.length === 0) this.#bag = [...this.#options.kinds];
    return this.#bag.splice(this.#rng.below(this.#bag.length), 1)[0] as FaultKind;
  }

  async #look(): Promise<Scene | null> {
    const lab = this.#lab;
    const isSettled = ({ self, joint }: ClusterStatus): boolean => self.role === 'leader' && !joint;
    const status = await lab.until('a leader', isSettled, { millis: 2000 }).catch(() => null);
    if (status === null) return null;
    const leader = lab.byName(status.self.name);
    return { lab, rng: this.#rng, status, leader, present: lab.running };
  }

  #note(at: number, text: string): void {
    this.#past.push({ at, text });
    this.#say(`${this.#seconds(at)}  ${text}`);
  }

  #seconds(at: number): string {
    return `${((at - this.#begunAt) / 1e6).toFixed(1).padStart(6)} s`;
  }

  /** Reads everything, and judges it with the history. */
  async #judge(history: readonly StreamOperation[]): Promise<{
    readonly judgement: Judgement;
    readonly records: readonly string[];
  }> {
    const lab = this.#lab;
    const targets = lab.running.map(({ address }) => address);
    const last = await lab.agent().call('readAll', { targets });
    const records = last.flatMap(({ reply }) => (reply?.kind === 'records' ? reply.records : []));
    const judgement = judge([...history, ...last], records);
    if (judgement.fault !== null) throw new Error(`the history is wrong: ${judgement.fault}`);
    this.#assertLeaders();
    return { judgement, records };
  }

  /** Nobody ended unasked, all vote that should, and each has applied the same. */
  async #assertWhole(records: readonly string[]): Promise<void> {
    const lab = this.#lab;
    if (lab.running.length < membersFirst) {
      const gone = lab.servers.filter(({ isRunning }) => !isRunning).map(({ name }) => name);
      throw new Error(`servers ended that should run; these do not: ${gone.join(', ')}`);
    }
    await lab.untilVoters(membersFirst, wholeMillis);
    for (const server of lab.running) await this.#assertSame(server.address, records);
  }

  /** Who was elected, and when by the clock of this process; servers log that of the machine. */
  #elections(): readonly { readonly at: number; readonly name: string }[] {
    const offset = nowMicros() - Date.now() * 1000;
    return this.#lab.servers
      .flatMap(({ name, lines }) =>
        lines
          .filter(({ msg }) => msg === 'leader elected')
          .map((line) => ({ at: Number(line['time']) * 1000 + offset, name })),
      )
      .sort((a, b) => a.at - b.at);
  }

  /** A term has one leader at most; a server says each time that it becomes one. */
  #assertLeaders(): void {
    const leaders = new Map<unknown, string>();
    for (const { name, lines } of this.#lab.servers) {
      for (const line of lines) {
        if (line.msg !== 'leader elected') continue;
        const other = leaders.get(line['term']);
        if (other !== undefined) throw new Error(`term ${line['term']}: ${other} and ${name} lead`);
        leaders.set(line['term'], name);
      }
    }
    if (leaders.size === 0) throw new Error('no server said that it leads');
  }

  /** Each server has applied the same. */
  async #assertSame(address: string, everything: readonly string[]): Promise<void> {
    const giveUpAt = nowMicros() + wholeMillis * 1000;
    for (;;) {
      const records = await this.#lab.agent().call('recordsAt', { address });
      const differs = records.findIndex((record, at) => record !== everything[at]);
      if (differs >= 0) {
        throw new Error(`${address} has ${records[differs]} as record ${differs + 1}`);
      }
      if (records.length === everything.length) return;
      if (nowMicros() > giveUpAt) throw new Error(`${address} has ${records.length} records only`);
      await pauseUntil(nowMicros() + 200_000);
    }
  }

  /** Each fault with the time without an acknowledged append between it and the next, all of it and
   * piece by piece, and with who was elected in that time. */
  #lines({ outages }: Availability): readonly string[] {
    const before = { at: this.#begunAt, text: 'the load begins' };
    const all = [before, ...this.#past];
    return all.map(({ at, text }, place) => {
      const until = all[place + 1]?.at ?? Number.POSITIVE_INFINITY;
      const own = outages.filter(({ begun }) => begun >= at - 100_000 && begun < until - 100_000);
      const later = (moment: number): string => `+${((moment - at) / 1e6).toFixed(1)} s`;
      const elected = this.#elections()
        .filter((election) => election.at >= at && election.at < until)
        .map((election) => `${election.name} leads at ${later(election.at)}`);
      const silent = own.map(({ begun, ended }) => `none from ${later(begun)} to ${later(ended)}`);
      const told = [text, ...elected, ...silent].join('; ');
      return `${this.#seconds(at)}  ${outageText(own)}  ${told}`;
    });
  }
}

function outageText(outages: readonly Outage[]): string {
  const micros = outages.reduce((sum, { begun, ended }) => sum + ended - begun, 0);
  return micros === 0 ? '     –' : `${(micros / 1e6).toFixed(1).padStart(4)} s`;
}

function membersOf({ members }: ClusterStatus): string {
  return members.map(({ name, role, health }) => `${name} ${role} ${health}`).join(', ');
}

function pauseUntil(micros: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, Math.max(0, (micros - nowMicros()) / 1000)));
}
