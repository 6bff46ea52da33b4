/**
 * Between `host:port` (wire/addresses reads and writes it) and libp2p's multiaddrs. Names are
 * resolved at every dial, all families, because a machine may come back under another number. What
 * may be said to whom is decided elsewhere.
 */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { QuorateError } from '../base/errors.js';
import { formatAddress, parseAddress } from '../wire/addresses.js';

/** A numeric host and a port as a TCP multiaddr. */
export function toMultiaddr(host: string, port: number): Multiaddr {
  return multiaddr(`/${isIP(host) === 6 ? 'ip6' : 'ip4'}/${host}/tcp/${port}`);
}

/** `host:port` of a multiaddr, or null when it is not plain TCP over IP. */
export function fromMultiaddr(address: Multiaddr): string | null {
  const [ip, tcp] = address.getComponents();
  if (ip?.value === undefined || tcp?.value === undefined) return null;
  if ((ip.name !== 'ip4' && ip.name !== 'ip6') || tcp.name !== 'tcp') return null;
  return formatAddress({ host: ip.value, port: Number(tcp.value) });
}

/**
 * The numeric addresses of a host, all families, in the resolver's order.
 * @throws QuorateError NOT_FOUND with one line when the name does not resolve.
 */
export async function resolveHost(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    const found = await lookup(host, { all: true, verbatim: true });
    return [...new Set(found.map((entry) => entry.address))];
  } catch (error) {
    throw unresolved(host, error);
  }
}

function unresolved(host: string, error: unknown): QuorateError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  return new QuorateError('NOT_FOUND', `the name "${host}" does not resolve (${code})`);
}

/**
 * Resolves addresses for a dial; those that do not resolve are left out.
 * @throws QuorateError of the first one when none is left.
 */
export async function resolveAddresses(addresses: readonly string[]): Promise<Multiaddr[]> {
  const settled = await Promise.allSettled(addresses.map(resolveAddress));
  const found = settled.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  if (found.length > 0) return found;
  const failure = settled.find((result) => result.status === 'rejected');
  throw failure === undefined
    ? new QuorateError('BAD_REQUEST', 'there is no address to dial')
    : failure.reason;
}

async function resolveAddress(address: string): Promise<Multiaddr[]> {
  const parsed = parseAddress(address);
  if (!parsed.ok) throw new QuorateError('BAD_REQUEST', parsed.fault);
  const { host, port } = parsed.address;
  if (port === 0) throw new QuorateError('BAD_REQUEST', `"${address}" has no port to dial`);
  return (await resolveHost(host)).map((found) => toMultiaddr(found, port));
}

/** The host stands for every interface. */
function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** The host can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === '::1' || host === 'localhost' || /^127\./.test(host);
}

/**
 * Where a listener on `host` can be dialled: the host itself, or for a wildcard one address for
 * each interface address of its family, those that others can reach first. Link-local IPv6
 * addresses need a zone to be dialled, so they are left out.
 */
export function dialableAddresses(host: string, port: number): readonly string[] {
  if (!isWildcard(host)) return [formatAddress({ host, port })];
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  // Node listens on both families for '::'.
  const usable = all.filter(
    (entry) =>
      (entry.family === 'IPv4' || host === '::') &&
      !entry.address.toLowerCase().startsWith('fe80:'),
  );
  const ordered = [
    ...usable.filter((entry) => !entry.internal),
    ...usable.filter((entry) => entry.internal),
  ];
  return ordered.map((entry) => formatAddress({ host: entry.address, port }));
}
