/**
 * What every test of a transport needs: the clock of this process, a log that is collected, an
 * owner that writes down what it is told, and promises with a bound.
 */

import type { Clock } from '../../src/base/clock.js';
import type { Log, LogFields } from '../../src/base/log.js';
import type {
  Channel,
  ClientStream,
  CloneNotice,
  Hello,
  PeerId,
  TransportHandlers,
} from '../../src/transport/transport.js';

/** The clock of this process. */
export const realClock: Clock = {
  monotonicMillis: () => performance.now(),
  wallMillis: () => Date.now(),
  after: (delayMillis, then) => {
    const timer = setTimeout(then, delayMillis);
    return { cancel: () => clearTimeout(timer) };
  },
  afterTurn: (then) => {
    setImmediate(then);
  },
};

/** A log that keeps its lines. */
export class CollectedLog implements Log {
  readonly lines: { level: string; fields: LogFields; event: string }[] = [];

  error(fields: LogFields, event: string): void {
    this.lines.push({ level: 'error', fields, event });
  }
  warn(fields: LogFields, event: string): void {
    this.lines.push({ level: 'warn', fields, event });
  }
  info(fields: LogFields, event: string): void {
    this.lines.push({ level: 'info', fields, event });
  }
  debug(fields: LogFields, event: string): void {
    this.lines.push({ level: 'debug', fields, event });
  }

  has(event: string): boolean {
    return this.lines.some((line) => line.event.includes(event));
  }
}

/** Bytes of a text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Text of bytes. */
export function text(frame: Uint8Array): string {
  return new TextDecoder().decode(frame);
}

/** Waits for a promise, but not for ever. */
export function within<T>(promise: Promise<T>, what: string, millis = 5000): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not within ${millis} ms: ${what}`)), millis);
    // A plain error: uvu trips over errors that have `details` of their own, and loses the file.
    const fail = (error: unknown): void =>
      reject(new Error(error instanceof Error ? error.message : String(error)));
    promise.then(resolve, fail).finally(() => clearTimeout(timer));
  });
}

/** An owner of a transport that writes down what it is told, and can be asked to wait for more. */
export class Owner implements TransportHandlers {
  readonly name: string;
  /** One line for each thing told, frames apart. */
  readonly told: string[] = [];
  readonly received: { peer: PeerId; channel: Channel; text: string }[] = [];
  /** Texts that were published. */
  readonly rumours: string[] = [];
  readonly clients: ClientStream[] = [];
  /** Bytes received in all, and calls of `frames`. */
  receivedBytes = 0;
  frameCalls = 0;
  /** Keeps no text of frames: for large ones. */
  countsOnly = false;
  clusterName = 'test';
  addresses: readonly string[] = [];
  /** What `greeted` answers. */
  verdict: (hello: Hello) => string | null = () => null;
  onFrames: ((peer: PeerId, channel: Channel, frames: readonly Uint8Array[]) => void) | null = null;
  onClient: ((stream: ClientStream) => void) | null = null;
  #waiting: { test: () => boolean; done: () => void }[] = [];

  constructor(name: string) {
    this.name = name;
  }

  hello(): Hello {
    return {
      clusterName: this.clusterName,
      clusterId: null,
      memberId: null,
      incarnation: '0123456789abcdef',
      name: this.name,
      version: '0.1.0',
      protocol: 1,
      addresses: this.addresses,
    };
  }

  greeted(_peer: PeerId, hello: Hello, _remoteAddress: string): string | null {
    this.#tell(`greeted ${hello.name} ${hello.clusterName}`);
    return this.verdict(hello);
  }

  linkUp(peer: PeerId): void {
    this.#tell(`up ${peer}`);
  }

  linkDown(peer: PeerId): void {
    this.#tell(`down ${peer}`);
  }

  refused(_peer: PeerId, address: string | null, reason: string): void {
    this.#tell(`refused ${address === null ? 'inbound' : 'dialled'}: ${reason}`);
  }

  cloned(_peer: PeerId, { isRefused, reason }: CloneNotice): void {
    this.#tell(`${isRefused ? 'refused as a clone' : 'warned of a clone'}: ${reason}`);
  }

  frames(peer: PeerId, channel: Channel, frames: readonly Uint8Array[]): void {
    this.frameCalls += 1;
    for (const frame of frames) {
      this.receivedBytes += frame.length;
      if (!this.countsOnly) this.received.push({ peer, channel, text: text(frame) });
    }
    this.onFrames?.(peer, channel, frames);
    this.#wake();
  }

  published(rumour: Uint8Array): void {
    this.receivedBytes += rumour.length;
    if (!this.countsOnly) this.rumours.push(text(rumour));
    this.#wake();
  }

  discovered(peer: PeerId, addresses: readonly string[]): void {
    this.#tell(`discovered ${peer} ${addresses.join(' ')}`);
  }

  client(stream: ClientStream): void {
    this.clients.push(stream);
    this.onClient?.(stream);
    this.#wake();
  }

  /** Texts received on a channel. */
  texts(channel: Channel): readonly string[] {
    return this.received.filter((entry) => entry.channel === channel).map((entry) => entry.text);
  }

  /** How often a line was told. */
  count(line: string): number {
    return this.told.filter((entry) => entry === line).length;
  }

  /** Resolves when `test` holds, looked at after each thing told. */
  until(test: () => boolean, what: string, millis = 5000): Promise<void> {
    if (test()) return Promise.resolve();
    const promise = new Promise<void>((resolve) => {
      this.#waiting.push({ test, done: resolve });
    });
    return within(promise, `${this.name}: ${what}; told: ${this.told.join(', ')}`, millis);
  }

  #tell(line: string): void {
    this.told.push(line);
    this.#wake();
  }

  #wake(): void {
    const ready = this.#waiting.filter((entry) => entry.test());
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter((entry) => !ready.includes(entry));
    for (const entry of ready) entry.done();
  }
}
