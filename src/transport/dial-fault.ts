/**
 * Turns what libp2p throws at a dial into one line that an operator can act on. Codes of the
 * operating system keep their name, because people search for it.
 */

import { QuorateError } from '../base/errors.js';

const systemFaults: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused (ECONNREFUSED): nothing listens there',
  ECONNRESET: 'the connection was reset (ECONNRESET)',
  EHOSTUNREACH: 'no route to the host (EHOSTUNREACH)',
  ENETUNREACH: 'the network is unreachable (ENETUNREACH)',
  ETIMEDOUT: 'no answer (ETIMEDOUT)',
  EADDRNOTAVAIL: 'the address is not valid here (EADDRNOTAVAIL)',
};

/** What an end of the connection before any agreement means, as far as secrets are concerned. */
export const secretFaults = {
  wanted: 'the server does not understand this client: it may want a secret (--secret-file)',
  another: 'the server does not understand this secret: it may have another one (--secret-file)',
  closedAtOnce:
    'the server closed the connection at once: it may have no secret, or too many connections',
} as const;

const secretFaultTexts: readonly string[] = Object.values(secretFaults);

/** Why a dial failed, in one line without the address. */
export function dialFault(error: unknown): string {
  // Several addresses were tried; the last says most often what is wrong now.
  if (error instanceof AggregateError && error.errors.length > 0) {
    return dialFault(error.errors[error.errors.length - 1]);
  }
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== undefined && systemFaults[code] !== undefined) return systemFaults[code];
  const { name, message } = error;
  if (secretFaultTexts.includes(message)) return message;
  if (/dial self/i.test(message)) return 'it is this server itself';
  if (/does not match expected remote identity/.test(message)) {
    return 'another server answers there (its peer id is not the expected one)';
  }
  if (name === 'AbortError' || name === 'TimeoutError' || /aborted|timed? ?out/i.test(message)) {
    return 'no answer in time';
  }
  if (name === 'UnsupportedProtocolError') return 'it is not a Quorate server';
  if (name === 'EncryptionFailedError' || name === 'MuxerUnavailableError') {
    return 'it does not speak the protocol: not a Quorate server, or it refused the connection';
  }
  return (message.split('\n')[0] ?? name).slice(0, 200);
}

/** What a dial rejects with: our own errors as they are, everything else as one line. */
export function asDialError(address: string, error: unknown): QuorateError {
  if (error instanceof QuorateError) return error;
  return new QuorateError('DISCONNECTED', `${address}: ${dialFault(error)}`);
}
