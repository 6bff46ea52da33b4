/**
 * One who greeted and was accepted, and then does on the broadcast's streams whatever a test says.
 */

import { RPC } from '@chainsafe/libp2p-gossipsub/message';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { frameKind } from '../../src/transport/framing.js';
import { frame, hello, intruder, type Server } from './hostile-world.js';
import { bytes } from './transport-world.js';

/** Gossipsub's protocol. */
export const rumourProtocol = '/meshsub/1.2.0';

/** A guest with a link to the victim. */
export interface Guest {
  readonly node: Libp2p;
  readonly connection: Connection;
  /** A stream to the victim's gossipsub. */
  open(): Promise<Stream>;
  /** The topic of the cluster, as the victim says it. */
  readonly topic: string;
  /** Leaves, and takes what was told of it from the victim's notes. */
  leave(): Promise<void>;
}

/** A message of gossipsub with its length before it. */
export function framedRpc(rpc: Partial<RPC>): Uint8Array {
  return withLength(RPC.encode({ subscriptions: [], messages: [], ...rpc }));
}

/** Bytes with their length before them. */
export function withLength(payload: Uint8Array): Uint8Array {
  const digits: number[] = [];
  let rest = payload.length;
  do {
    digits.push((rest & 0x7f) | (rest >= 0x80 ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.concat([Uint8Array.from(digits), payload]);
}

/** Greets the victim, is accepted, and waits until it says its topic. */
export async function guestOf(victim: Server): Promise<Guest> {
  const { node, connection } = await intruder(victim);
  let heard = Buffer.alloc(0);
  const topicHeard = new Promise<string>((resolve) => {
    const accept = (stream: Stream): void => {
      stream.addEventListener('message', (event) => {
        heard = Buffer.concat([heard, event.data.subarray()]);
        const found = /quorate-[0-9a-f]{16}/.exec(heard.toString('latin1'));
        if (found !== null) resolve(found[0]);
      });
    };
    node.handle(rumourProtocol, accept).catch(() => undefined);
  });
  const control = await connection.newStream('/quorate/control/1');
  control.send(Buffer.concat([hello(), frame(frameKind.accepted, bytes(''))]));
  control.send(frame(frameKind.keeping, Uint8Array.of(1)));
  const self = node.peerId.toString();
  await victim.owner.until(() => victim.owner.told.includes(`up ${self}`), 'the guest');
  const alive = setInterval(() => {
    if (control.status === 'open') control.send(frame(frameKind.alive, bytes('')));
  }, 200);
  const topic = await topicHeard;
  return {
    node,
    connection,
    topic,
    open: () => connection.newStream(rumourProtocol),
    leave: async () => {
      clearInterval(alive);
      await node.stop();
      const { told } = victim.owner;
      await victim.owner.until(() => told.includes(`down ${self}`), 'the end of the guest');
      for (const line of [`up ${self}`, `down ${self}`]) told.splice(told.indexOf(line), 1);
    },
  };
}
