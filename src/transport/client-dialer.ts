/**
 * The network of a client program: a key for this process alone, no listener, streams to servers.
 * This file is only the door: libp2p is loaded (client-node.ts) at the first dial, because a
 * command line program often ends before it needs a network.
 */

import type { Clock } from '../base/clock.js';
import { QuorateError } from '../base/errors.js';
import type { ClientNode } from './client-node.js';
import { type ClientDialerOptions, clientDialerDefaults } from './client-options.js';
import type { ClientDialer, ClientStream } from './transport.js';

/** Makes the network of a client; nothing is loaded or opened before the first dial. */
export function createClientDialer(
  options: ClientDialerOptions,
  deps: { readonly clock: Clock },
): ClientDialer {
  return new LazyClientDialer({ ...clientDialerDefaults, ...options }, deps.clock);
}

class LazyClientDialer implements ClientDialer {
  readonly #options: Required<ClientDialerOptions>;
  readonly #clock: Clock;
  #loading: Promise<ClientNode> | null = null;
  #stopped = false;

  constructor(options: Required<ClientDialerOptions>, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  async dial(address: string, signal: AbortSignal): Promise<ClientStream> {
    if (this.#stopped) throw new QuorateError('STOPPING', 'the client is closed');
    this.#loading ??= this.#load();
    const node = await this.#loading;
    return node.dial(address, signal);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await (await this.#loading)?.stop();
  }

  async #load(): Promise<ClientNode> {
    const { startClientNode } = await import('./client-node.js');
    return startClientNode(this.#options, this.#clock);
  }
}
