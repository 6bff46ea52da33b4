/**
 * What a client can be told: options with their defaults, and the check of both. After
 * `settleOptions` nothing is optional and nothing is wrong; all faults are reported at once.
 */

import { QuorateError } from '../base/errors.js';

/** What `connect` takes. */
export interface ConnectOptions {
  /** Servers to try, `host:port`. One is enough: it tells of the others. */
  readonly targets: readonly string[];
  /** How long a request may take, all attempts together, milliseconds. @default 5000 */
  readonly timeoutMillis?: number;
  /** How long a server may leave a request without any reply before another is tried, milliseconds.
   * @default 1000 */
  readonly attemptTimeoutMillis?: number;
  /** How long dialling one address may take, milliseconds. @default 1500 */
  readonly dialTimeoutMillis?: number;
  /** Session commands on their way at once; more wait in the client. @default 1024 */
  readonly inflightCommandsMax?: number;
  /** Bytes of session commands on their way at once. @default 8388608 */
  readonly inflightBytesMax?: number;
  /** Writes that may wait in the client unsent; beyond, a call is refused with OVERLOADED.
   * @default 100000 */
  readonly waitingMax?: number;
  /** Bytes of such writes. @default 67108864 */
  readonly waitingBytesMax?: number;
  /**
   * Appends of one turn of the event loop that may travel as one command, and so commit together.
   * 1 gives every append a command and a log entry of its own. @default 64
   */
  readonly groupRecordsMax?: number;
  /** Move to the leader's own address when it is known: saves a hop. @default true */
  readonly preferLeader?: boolean;
  /** The text of the secret of a closed cluster, as it stands in the secret file. @default none */
  readonly secret?: string;
}

/** The options, settled. */
export type ClientSettings = Required<Omit<ConnectOptions, 'secret'>>;

/** Every default. */
const clientDefaults: Omit<ClientSettings, 'targets'> = Object.freeze({
  timeoutMillis: 5000,
  attemptTimeoutMillis: 1000,
  dialTimeoutMillis: 1500,
  // A session keeps at most 4,096 replies that were not acknowledged: stay well below.
  inflightCommandsMax: 1024,
  inflightBytesMax: 8 * 1024 * 1024,
  waitingMax: 100_000,
  waitingBytesMax: 64 * 1024 * 1024,
  groupRecordsMax: 64,
  preferLeader: true,
});

const counts = [
  'timeoutMillis',
  'attemptTimeoutMillis',
  'dialTimeoutMillis',
  'inflightCommandsMax',
  'inflightBytesMax',
  'waitingMax',
  'waitingBytesMax',
  'groupRecordsMax',
] as const;

/**
 * Puts defaults in and checks.
 * @throws QuorateError BAD_REQUEST with every fault in one line.
 */
export function settleOptions(options: ConnectOptions): ClientSettings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const settings: ClientSettings = {
    ...clientDefaults,
    targets: [],
    ...(Object.fromEntries(given) as Partial<ConnectOptions>),
  };
  const faults: string[] = [];
  if (!Array.isArray(settings.targets) || settings.targets.length === 0) {
    faults.push('targets must name at least one server as HOST:PORT');
  }
  for (const name of counts) {
    const value: unknown = settings[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
      faults.push(`${name} must be a whole number of at least 1`);
    }
  }
  if (settings.inflightCommandsMax > 2048) faults.push('inflightCommandsMax must be at most 2048');
  if (settings.groupRecordsMax > 10_000) faults.push('groupRecordsMax must be at most 10000');
  if (faults.length > 0) throw new QuorateError('BAD_REQUEST', faults.join('; '));
  return Object.freeze(settings);
}
