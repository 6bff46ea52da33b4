/**
 * Builds the libp2p node of a server: TCP, Noise, Yamux, identify and ping, with every limit and
 * time set (the reasons are in docs/libp2p.md's traps 3, 5, 6 and 12). What is switched off is done
 * elsewhere in this folder: its monitor of connections (liveness.ts), its reconnecting
 * (dialler.ts), its limits for each host (inbound-gate.ts).
 *
 * identify and ping only answer: other libp2p tools can look at a server, and we ask nobody.
 */

import './node-shim.js';
import { identify } from '@libp2p/identify';
import type { Libp2p } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import type { Log } from '../base/log.js';
import { toMultiaddr } from './addresses.js';
import type { InboundGate } from './inbound-gate.js';
import { spareLengthErrors } from './length-decoder.js';
import { decodePeerKey } from './peer-key.js';
import { PrologueGuard } from './prologue-guard.js';
import { quietLogger } from './quiet-logger.js';
import type { CompleteOptions } from './transport-options.js';
import { yamuxInit } from './yamux-init.js';

/** Node's own option, which libp2p passes on but does not name: a listener on `::` takes IPv4 too,
 * as people expect of a wildcard. */
const listenOpts: object = { ipv6Only: false };

/** What libp2p calls no limit. */
const unlimited = Number.MAX_SAFE_INTEGER;

/**
 * Makes a node that is not started.
 * @param host a numeric address to listen on
 */
export async function createServerNode(
  options: CompleteOptions,
  host: string,
  gate: Pick<InboundGate, 'gater' | 'stranger'>,
  log: Log,
): Promise<Libp2p> {
  const { handshakeMillisMax, stopMillisMax } = options;
  spareLengthErrors();
  const guard = new PrologueGuard({
    told: (peer, reason) => log.debug({ peer, reason }, 'a connection ended in its negotiation'),
    stranger: gate.stranger,
    secret: options.secret,
  });
  return createLibp2p({
    start: false,
    privateKey: decodePeerKey(options.privateKey),
    addresses: { listen: [toMultiaddr(host, options.port).toString()] },
    transports: [
      tcp({
        backlog: 1024,
        listenOpts,
        inboundSocketInactivityTimeout: 0,
        outboundSocketInactivityTimeout: 0,
      }),
    ],
    connectionProtector: guard.protector,
    connectionEncrypters: [guard.encrypter(noise())],
    streamMuxers: [guard.muxer(yamux(yamuxInit))],
    services: {
      identify: identify({ runOnConnectionOpen: false, maxInboundStreams: 1 }),
      ping: ping({ maxInboundStreams: 1 }),
    },
    connectionGater: gate.gater,
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: unlimited,
      inboundConnectionThreshold: unlimited,
      maxIncomingPendingConnections: unlimited,
      inboundUpgradeTimeout: handshakeMillisMax,
      inboundStreamProtocolNegotiationTimeout: handshakeMillisMax,
      outboundStreamProtocolNegotiationTimeout: handshakeMillisMax,
      dialTimeout: options.dialMillisMax,
      addressDialTimeout: options.dialAddressMillisMax,
      connectionCloseTimeout: stopMillisMax,
      reconnectRetries: 0,
      resolvers: {},
    },
    logger: quietLogger,
  });
}
