/**
 * What those who direct faults get to see, at the moment it happens: before the effects of a step
 * are carried out, before an answer is said.
 */

import type { Entry } from '../../src/raft/types.js';
import type { Shadow } from './shadow.js';
import type { SimClient } from './workload.js';

/** Something happened. */
export type Sight =
  /** A core gave entries out to be written; nothing of it is on its way yet. */
  | {
      readonly type: 'appends';
      readonly shadow: Shadow;
      readonly entries: readonly Entry[];
      /** Whether it appends as the leader. */
      readonly leads: boolean;
    }
  /** The oldest write of a member is on its disk; nobody was told yet. */
  | { readonly type: 'written'; readonly shadow: Shadow }
  | { readonly type: 'elected'; readonly shadow: Shadow }
  /** A client asked something. */
  | { readonly type: 'asked'; readonly client: SimClient };
