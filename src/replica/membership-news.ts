/**
 * Says once what an operator wants to know of the members' health, when it changes: who is called
 * dead and who is back, that nobody is called dead for now, that two have one name. From the
 * leader's log alone, at its pace of looking.
 */

import type { Log } from '../base/log.js';
import { sharedNames } from '../membership/healing.js';
import { nameOf, type PlannerInput } from '../membership/plan.js';
import { isDead, isUp, symptomsOf, whyFrozen } from '../membership/vital-signs.js';
import type { MemberId } from '../raft/types.js';

/** What was said already. */
export class MembershipNews {
  readonly #log: Log;
  readonly #dead = new Set<MemberId>();
  #frozen: string | null = null;
  #shared: readonly string[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  /** Says what is new. */
  tell(input: PlannerInput): void {
    const { configuration } = input;
    for (const { id } of configuration.members) {
      if (isDead(input, id) && !this.#dead.has(id)) {
        this.#dead.add(id);
        const evidence = symptomsOf(input, id);
        this.#log.warn({ member: nameOf(configuration, id), evidence }, 'member called dead');
      } else if (this.#dead.has(id) && isUp(input, id)) {
        this.#dead.delete(id);
        this.#log.info({ member: nameOf(configuration, id) }, 'member is back');
      }
    }
    const frozen = whyFrozen(input);
    if (frozen !== null && frozen !== this.#frozen) {
      this.#log.warn({ rule: frozen }, 'nobody is called dead now');
    }
    this.#frozen = frozen;
    for (const line of sharedNames(input)) {
      if (!this.#shared.includes(line))
        this.#log.warn({ finding: line }, 'two members of one name');
    }
    this.#shared = sharedNames(input);
  }
}
