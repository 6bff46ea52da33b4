/**
 * Addresses as people write them: `host:port`, `[v6]:port`, and short forms where a default port or
 * host is known: `host`, `:port`, a bare port, a bare IPv6 address. Names are not resolved here.
 */

/** Where something listens. `host` is a DNS name or an IP address, IPv6 without brackets. */
export interface Address {
  readonly host: string;
  /** 1 … 65535, or 0 for "any free one" where the caller allows it. */
  readonly port: number;
}

/** What to take where the text says nothing; without a default the part is required. */
export interface AddressDefaults {
  readonly host?: string;
  readonly port?: number;
}

/** An address, or one line that says what is wrong with the text. */
export type ParsedAddress =
  | { readonly ok: true; readonly address: Address }
  | { readonly ok: false; readonly fault: string };

/** Longest host name of DNS. */
const hostCharsMax = 253;

/** Reads an address. */
export function parseAddress(text: string, defaults: AddressDefaults = {}): ParsedAddress {
  const trimmed = text.trim();
  if (trimmed.length === 0) return fault(text, 'it is empty');
  if (trimmed.startsWith('[')) return parseBracketed(trimmed, defaults);
  const colon = trimmed.indexOf(':');
  if (colon < 0) {
    // Digits alone are a port: no host is called 4000.
    if (/^\d+$/.test(trimmed)) return join(trimmed, undefined, trimmed, defaults);
    return join(trimmed, trimmed, undefined, defaults);
  }
  if (colon !== trimmed.lastIndexOf(':')) {
    // Two colons or more are a bare IPv6 address; with a port it needs brackets to be unambiguous.
    if (!isIpv6(trimmed)) return fault(trimmed, 'write IPv6 with a port as [address]:port');
    return join(trimmed, trimmed, undefined, defaults);
  }
  const host = colon === 0 ? undefined : trimmed.slice(0, colon);
  return join(trimmed, host, trimmed.slice(colon + 1), defaults);
}

/** Writes an address so that `parseAddress` reads the same back. */
export function formatAddress(address: Address): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

function parseBracketed(text: string, defaults: AddressDefaults): ParsedAddress {
  const end = text.indexOf(']');
  if (end < 0) return fault(text, 'the bracket is not closed');
  const host = text.slice(1, end);
  if (!isIpv6(host)) return fault(text, 'between brackets stands an IPv6 address');
  const rest = text.slice(end + 1);
  if (rest === '') return join(text, host, undefined, defaults);
  if (!rest.startsWith(':')) return fault(text, 'after the bracket comes :port');
  return join(text, host, rest.slice(1), defaults);
}

function join(
  text: string,
  writtenHost: string | undefined,
  writtenPort: string | undefined,
  defaults: AddressDefaults,
): ParsedAddress {
  const host = writtenHost ?? defaults.host;
  if (host === undefined) return fault(text, 'the host is missing');
  if (writtenHost !== undefined && !isIpv6(host) && !isName(host)) {
    return fault(text, 'that is no host name or IP address');
  }
  if (writtenPort === undefined) {
    if (defaults.port === undefined) return fault(text, 'the port is missing (host:port)');
    return { ok: true, address: { host, port: defaults.port } };
  }
  if (!/^\d{1,5}$/.test(writtenPort) || Number(writtenPort) > 65_535) {
    return fault(text, 'a port is a number in 0 … 65535');
  }
  return { ok: true, address: { host, port: Number(writtenPort) } };
}

/** A DNS name or a dotted IPv4 address: labels of letters, digits, hyphens, underscores. */
function isName(host: string): boolean {
  if (host.length > hostCharsMax) return false;
  if (/^[0-9.]+$/.test(host)) return isIpv4(host);
  for (const label of host.replace(/\.$/, '').split('.')) {
    if (!/^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label)) return false;
  }
  return true;
}

function isIpv4(host: string): boolean {
  const parts = host.split('.');
  if (parts.length !== 4) return false;
  return parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** IPv6 in any of its spellings, with an optional zone (`fe80::1%eth0`). */
function isIpv6(host: string): boolean {
  if (host.length > hostCharsMax) return false;
  const percent = host.indexOf('%');
  const bare = percent < 0 ? host : host.slice(0, percent);
  if (percent >= 0 && !/^[A-Za-z0-9_.-]+$/.test(host.slice(percent + 1))) return false;
  const halves = bare.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (let half = 0; half < halves.length; half++) {
    const text = halves[half] as string;
    if (text === '') continue;
    const parts = text.split(':');
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as string;
      // The last 32 bits may be written as IPv4.
      const last = half === halves.length - 1 && i === parts.length - 1;
      if (last && part.includes('.') && isIpv4(part)) groups += 2;
      else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) groups += 1;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

function fault(text: string, why: string): ParsedAddress {
  // Shown to people as it was written, but never over more than one line.
  return { ok: false, fault: `bad address ${JSON.stringify(text.slice(0, 80))}: ${why}` };
}
