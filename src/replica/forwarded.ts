/**
 * Takes what comes on the channel `forward`: commands that a follower passes to this server because
 * it takes it for the leader, and the answers to those that this server passed on.
 */

import type { Refusal } from '../base/errors.js';
import type { Reply } from '../machine/commands.js';
import { nobody } from '../raft/types.js';
import type { PeerId, Transport } from '../transport/transport.js';
import { decodeForward, encodeForward } from '../wire/peer-codec.js';
import type { Outcome } from './api.js';
import type { Consensus } from './consensus.js';
import type { Peers } from './peers.js';

/** What the channel works with. */
export interface ForwardedDeps {
  readonly transport: Transport;
  readonly peers: Peers;
  readonly consensus: Consensus | null;
  /** What a server in no cluster answers. */
  readonly notMember: () => Refusal;
}

/** Takes one frame. @throws WireError for bytes that are no message. */
export function takeForwarded(peer: PeerId, frame: Uint8Array, deps: ForwardedDeps): void {
  const { transport, peers, consensus } = deps;
  const message = decodeForward(frame);
  const greeting = peers.greeting(peer);
  if (message.type !== 'execute') {
    return consensus?.requests.answered(greeting?.memberId ?? nobody, message);
  }
  const { ref } = message;
  const answer = (outcome: Outcome<Reply>): void => {
    const reply = outcome.ok
      ? encodeForward({ type: 'executed', ref, reply: outcome.value })
      : encodeForward({ type: 'notExecuted', ref, refusal: outcome.refusal });
    transport.send(peer, 'forward', [reply]);
  };
  if (consensus === null) return answer({ ok: false, refusal: deps.notMember() });
  // Only servers of this cluster may pass requests on: clients have a channel of their own.
  if (greeting?.clusterId !== consensus.place.clusterId) return;
  consensus.requests.executeForwarded(message.command, answer);
}
