/**
 * Who can reach a server, and whether that was meant: an address that other machines reach wants
 * either a secret, which closes the cluster to all who lack it, or the word `open`.
 */

import type { NetworkSecret } from '../transport/network-secret.js';

/** What it is judged by. */
interface Exposed {
  readonly host: string;
  readonly secret: NetworkSecret | null;
  readonly open: boolean;
}

/** Only this machine reaches the address. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** Why a server should not start so, with both ways out; null: it may. */
export function exposureFault({ host, secret, open }: Exposed): string | null {
  if (secret !== null || open || isLoopback(host)) return null;
  return (
    `listen: other machines reach ${host}, and whoever does could join, read and write: ` +
    `close the cluster by a secret (--secret-file FILE; quorate secret new FILE makes one), or ` +
    `say --open`
  );
}

/** What the operator should be reminded of at each start; null: nothing. */
export function exposureWarning({ host, secret }: Exposed): string | null {
  if (secret !== null || isLoopback(host)) return null;
  return 'open to the network: whoever reaches this port may join, read and write';
}
