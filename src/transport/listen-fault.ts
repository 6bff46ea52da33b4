/**
 * Turns what libp2p throws when it cannot listen into one line that names the address and says what
 * to do.
 */

import { QuorateError } from '../base/errors.js';

/** Why `start` failed. @param error what libp2p threw, its text naming the system's code */
export function listenFault(error: unknown, host: string, port: number): QuorateError {
  const text = error instanceof Error ? error.message : String(error);
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (text.includes('EADDRINUSE')) {
    return new QuorateError(
      'BAD_REQUEST',
      `cannot listen on ${where}: port ${port} is in use; stop the other program or choose ` +
        `another port`,
    );
  }
  if (text.includes('EACCES')) {
    return new QuorateError(
      'BAD_REQUEST',
      `cannot listen on ${where}: port ${port} needs privileges; choose a port above 1023`,
    );
  }
  if (text.includes('EADDRNOTAVAIL')) {
    return new QuorateError(
      'BAD_REQUEST',
      `cannot listen on ${where}: this machine has no such address; choose one of its own, ` +
        `or 0.0.0.0`,
    );
  }
  const line = text.split('\n').find((part) => part.includes('listen ')) ?? text.split('\n')[0];
  return new QuorateError('BAD_REQUEST', `cannot listen on ${where}: ${(line ?? '').trim()}`);
}
