/**
 * How a program gets a client: settles the options, opens the network, waits for the first server.
 */

import { QuorateError } from '../base/errors.js';
import { Rng } from '../base/rng.js';
import { createClientDialer } from '../transport/client-dialer.js';
import { parseSecret } from '../transport/network-secret.js';
import { nodeClock } from '../transport/node-clock.js';
import { formatAddress, parseAddress } from '../wire/addresses.js';
import { Client } from './client.js';
import { ClientCore, type ClientDeps } from './core.js';
import { type ClientSettings, type ConnectOptions, settleOptions } from './options.js';

export type { Client };

/** The port that servers listen on unless told otherwise. */
const portDefault = 5555;

/**
 * Connects to a cluster through any of the servers named.
 * @throws QuorateError BAD_REQUEST when an option is wrong; NO_LEADER when no server answered
 *   within `timeoutMillis`.
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const { secret: text, ...rest } = options;
  const secret = text === undefined ? null : parseSecret(text);
  const settings = settleOptions({ ...rest, targets: settleTargets(options.targets) });
  const clock = nodeClock;
  const rng = new Rng(Math.floor(Math.random() * 2 ** 52));
  return connectWith(settings, { dialer: createClientDialer({ secret }, { clock }), clock, rng });
}

/** Connects through a network, a clock and a source of chance that the caller chooses. */
export async function connectWith(settings: ClientSettings, deps: ClientDeps): Promise<Client> {
  const core = new ClientCore(settings, deps);
  if (await core.start(settings.timeoutMillis)) return new Client(core);
  const { trouble } = core.link;
  await core.end();
  const where = settings.targets.join(', ');
  throw new QuorateError(
    'NO_LEADER',
    `no server answered at ${where} within ${settings.timeoutMillis / 1000} s (${trouble})`,
  );
}

/**
 * The targets as `host:port`, with defaults put in.
 * @throws QuorateError BAD_REQUEST naming each fault.
 */
export function settleTargets(targets: readonly string[]): readonly string[] {
  const faults: string[] = [];
  const settled: string[] = [];
  for (const target of Array.isArray(targets) ? targets : []) {
    const parsed = parseAddress(String(target), { port: portDefault, host: '127.0.0.1' });
    if (!parsed.ok) faults.push(parsed.fault);
    else if (parsed.address.port === 0) faults.push(`"${target}": port 0 cannot be dialled`);
    else settled.push(formatAddress(parsed.address));
  }
  if (faults.length > 0) throw new QuorateError('BAD_REQUEST', faults.join('; '));
  return settled;
}
