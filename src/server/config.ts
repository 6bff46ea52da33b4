/**
 * The configuration of a server: defaults, then a YAML file, then environment variables
 * (QUORATE_…), then flags; later ones win. One table names every setting once, so that all sources
 * say the same things. All faults are found and told at once, each with where it was said; what
 * `readConfig` gives is complete, checked and frozen.
 */

import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { commandBytesMax, recordBytesMaxDefault } from '../base/limits.js';
import { type NetworkSecret, parseSecret } from '../transport/network-secret.js';
import { type Address, formatAddress, parseAddress } from '../wire/addresses.js';
import { exposureFault } from './exposure.js';
import { readSecretFile } from './secret-file.js';

/** A server's configuration, checked. Times are milliseconds. */
export interface ServerConfig {
  /** SERVER_ID: a label for people. @default server1 */
  readonly id: string;
  /** Where to listen. @default 127.0.0.1 */
  readonly host: string;
  /** 0 takes any free port. @default 5555 */
  readonly port: number;
  /** Addresses of servers of the cluster, `host:port`. @default none: found a cluster here */
  readonly peers: readonly string[];
  /** The file with the secret of a closed cluster. @default null: the cluster is open */
  readonly secretFile: string | null;
  /** What the file says. */
  readonly secret: NetworkSecret | null;
  /** That whoever reaches the port may join, read and write is meant. @default false */
  readonly open: boolean;
  /** Data folder. @default data/<id> */
  readonly data: string;
  /** Name of the cluster. @default quorate */
  readonly cluster: string;
  /** Where the server stands, such as a rack or a site: a label for people. @default null: not
   * said */
  readonly zone: string | null;
  /** How many servers found the cluster together; 1 or null: this one alone, if it founds.
   * @default null */
  readonly expect: number | null;
  /** Whether mDNS looks for servers on the local network. @default true */
  readonly mdns: boolean;
  /** Front ends wanted beside the native one; accepted, and told when there is none yet. @default
   * null */
  readonly mode: string | null;
  /** Found a cluster here when no peer is in one. @default false */
  readonly leader: boolean;
  /** @default 300 */
  readonly electionTimeoutMin: number;
  /** @default 600 */
  readonly electionTimeoutMax: number;
  /** Between two heartbeats of a leader. @default 50 */
  readonly heartbeatInterval: number;
  /** Raises the election timeout to at least this many heartbeats; 0 leaves it. @default 0 */
  readonly maxMissedHeartbeats: number;
  /** error, warn, info or debug. @default info */
  readonly logLevel: string;
  /** Largest record or value, bytes. @default 1 MiB */
  readonly recordBytesMax: number;
  /** How many voters to rest at, odd. @default 5 */
  readonly voters: number;
  /** How long a newcomer must be well before it votes. @default 5000 */
  readonly stabilisation: number;
  /** After how many entries of the log a snapshot is written. @default 100,000 */
  readonly snapshotEntries: number;
}

/** Settings as a source says them: strings from flags and environment, any YAML value from a
 * file. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** Either a configuration or every fault in it, a line each. */
export type ConfigResult =
  | { readonly ok: true; readonly config: ServerConfig }
  | { readonly ok: false; readonly faults: readonly string[] };

/** Where to look. */
export interface ConfigSources {
  /** Flags by setting name in camelCase; `config` names the YAML file. */
  readonly flags: RawConfig;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The text of a secret, from a program that has it from elsewhere than a file. */
  readonly secret?: string | undefined;
}

interface Setting {
  readonly name: string;
  readonly fallback: unknown;
  /** Gives the value, or throws an Error that says what it should be. */
  readonly read: (raw: unknown) => unknown;
}

/** Reads all sources. */
export function readConfig(sources: ConfigSources): ConfigResult {
  const faults: string[] = [];
  const file = readFile(sources, faults);
  const values: Record<string, unknown> = {};
  for (const setting of settings) {
    const said = whoSays(setting.name, file, sources);
    values[setting.name] = setting.fallback;
    if (said === null) continue;
    try {
      values[setting.name] = setting.read(said.value);
    } catch (error) {
      faults.push(`${said.where}: ${(error as Error).message}`);
    }
  }
  for (const key of Object.keys(file)) {
    if (!settings.some(({ name }) => kebab(name) === key)) {
      faults.push(`config file: unknown setting "${key}" (known: ${known()})`);
    }
  }
  const { listen, ...rest } = values;
  const { host, port } = listen as Address;
  const data = values['data'] ?? `data/${String(values['id'])}`;
  const secret = secretOf(values['secretFile'], sources.secret, faults);
  const config = { ...rest, host, port, data, secret } as unknown as ServerConfig;
  faults.push(...crossFaults(config));
  if (faults.length > 0) return { ok: false, faults };
  return { ok: true, config: Object.freeze(timed(config)) };
}

const settings: readonly Setting[] = [
  { name: 'id', fallback: 'server1', read: text('a name', /^[\w.-]{1,64}$/) },
  {
    name: 'listen',
    fallback: { host: '127.0.0.1', port: 5555 },
    read: (raw) => address(String(raw)),
  },
  { name: 'peers', fallback: [], read: addresses },
  { name: 'secretFile', fallback: null, read: text('a file', /^.{1,4096}$/s) },
  { name: 'open', fallback: false, read: yesOrNo },
  { name: 'data', fallback: null, read: text('a folder', /^.{1,4096}$/s) },
  { name: 'cluster', fallback: 'quorate', read: text('a name', /^[\w.-]{1,64}$/) },
  { name: 'zone', fallback: null, read: text('a name', /^[\w.-]{1,64}$/) },
  { name: 'expect', fallback: null, read: whole(1, 99) },
  { name: 'mdns', fallback: true, read: yesOrNo },
  { name: 'mode', fallback: null, read: oneOf(['native', 'grpc', 'http', 'etcd', 'zookeeper']) },
  { name: 'leader', fallback: false, read: yesOrNo },
  { name: 'electionTimeoutMin', fallback: 300, read: whole(10, 600_000) },
  { name: 'electionTimeoutMax', fallback: 600, read: whole(10, 600_000) },
  { name: 'heartbeatInterval', fallback: 50, read: whole(1, 60_000) },
  { name: 'maxMissedHeartbeats', fallback: 0, read: whole(0, 1000) },
  { name: 'logLevel', fallback: 'info', read: oneOf(['error', 'warn', 'info', 'debug']) },
  { name: 'recordBytesMax', fallback: recordBytesMaxDefault, read: whole(1, commandBytesMax / 2) },
  { name: 'voters', fallback: 5, read: whole(1, 9) },
  { name: 'stabilisation', fallback: 5000, read: whole(0, 3_600_000) },
  { name: 'snapshotEntries', fallback: 100_000, read: whole(1, 1_000_000_000) },
];

/** The secret that was named, looked through. */
function secretOf(
  path: unknown,
  given: string | undefined,
  faults: string[],
): NetworkSecret | null {
  try {
    if (given !== undefined) return parseSecret(given);
    return typeof path === 'string' ? parseSecret(readSecretFile(path)) : null;
  } catch (error) {
    faults.push(`secret${given === undefined ? '-file' : ''}: ${(error as Error).message}`);
    return null;
  }
}

interface Said {
  readonly value: unknown;
  readonly where: string;
}

function whoSays(
  name: string,
  file: RawConfig,
  { flags, environment }: ConfigSources,
): Said | null {
  const flag = flags[name];
  // A program that embeds a server may hand on null for what it does not want to say.
  if (flag !== undefined && flag !== null) return { value: flag, where: `--${kebab(name)}` };
  const variable = `QUORATE_${kebab(name).replaceAll('-', '_').toUpperCase()}`;
  const value = environment[variable];
  // An empty variable says nothing: that is how make passes on what was not given.
  if (value !== undefined && value !== '') return { value, where: variable };
  const inFile = file[kebab(name)];
  if (inFile !== undefined && inFile !== null) {
    return { value: inFile, where: `config file: ${kebab(name)}` };
  }
  return null;
}

function readFile({ flags, environment }: ConfigSources, faults: string[]): RawConfig {
  const path = flags['config'] ?? environment['QUORATE_CONFIG'];
  if (path === undefined || path === '') return {};
  try {
    const read: unknown = parseYaml(readFileSync(String(path), 'utf8'));
    if (read === null) return {};
    if (typeof read !== 'object' || Array.isArray(read)) {
      throw new Error('it should be a list of "setting: value"');
    }
    return read as RawConfig;
  } catch (error) {
    const [firstLine] = (error as Error).message.split('\n');
    faults.push(`config file ${path}: ${firstLine}`);
    return {};
  }
}

/** Faults that lie between settings. */
function crossFaults(config: ServerConfig): string[] {
  const faults: string[] = [];
  const { electionTimeoutMin: min, electionTimeoutMax: max, heartbeatInterval } = config;
  if (max < min)
    faults.push(`election-timeout-max (${max}) is below election-timeout-min (${min})`);
  if (min < heartbeatInterval * 3) {
    faults.push(
      `election-timeout-min (${min}) is below three heartbeats (heartbeat-interval ` +
        `${heartbeatInterval}): a single late heartbeat would start an election`,
    );
  }
  const exposed = exposureFault(config);
  // Whoever named a secret that cannot be read is told of that alone.
  if (exposed !== null && config.secretFile === null) faults.push(exposed);
  if (config.voters % 2 === 0) faults.push(`voters (${config.voters}) should be odd`);
  if ((config.expect ?? 1) > 1) {
    if (config.leader) {
      faults.push('expect and leader exclude each other: found with others, or alone');
    }
    if (config.peers.length === 0 && !config.mdns) {
      faults.push(
        `expect (${config.expect}) needs peers or mDNS: without both nobody can be found to ` +
          `found a cluster with`,
      );
    }
  }
  return faults;
}

/** MAX_MISSED_HEARTBEATS in terms of the election timeout. */
function timed(config: ServerConfig): ServerConfig {
  const least = config.heartbeatInterval * config.maxMissedHeartbeats;
  if (least <= config.electionTimeoutMin) return config;
  const spread = config.electionTimeoutMax - config.electionTimeoutMin;
  return { ...config, electionTimeoutMin: least, electionTimeoutMax: least + spread };
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function known(): string {
  return settings.map(({ name }) => kebab(name)).join(', ');
}

function text(what: string, pattern: RegExp): (raw: unknown) => string {
  return (raw) => {
    const value = String(raw);
    if (!pattern.test(value)) throw new Error(`"${value}" is not ${what} (${pattern.source})`);
    return value;
  };
}

function whole(min: number, max: number): (raw: unknown) => number {
  return (raw) => {
    const value = typeof raw === 'number' ? raw : Number(String(raw).trim() || Number.NaN);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new Error(`"${String(raw)}" is not a whole number from ${min} to ${max}`);
    }
    return value;
  };
}

function oneOf(choices: readonly string[]): (raw: unknown) => string {
  return (raw) => {
    const value = String(raw).toLowerCase();
    if (!choices.includes(value)) {
      throw new Error(`"${String(raw)}" is unknown; it should be one of ${choices.join(', ')}`);
    }
    return value;
  };
}

function yesOrNo(raw: unknown): boolean {
  const value = String(raw).toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(value)) return true;
  if (['false', '0', 'no', 'off'].includes(value)) return false;
  throw new Error(`"${String(raw)}" is neither yes nor no (1 or 0)`);
}

function addresses(raw: unknown): readonly string[] {
  const list = Array.isArray(raw) ? raw.map(String) : String(raw).split(',');
  const wanted = list.map((one) => one.trim()).filter((one) => one !== '');
  return wanted.map((one) => formatAddress(address(one)));
}

function address(raw: string): Address {
  const parsed = parseAddress(raw, { host: '127.0.0.1', port: 5555 });
  if (!parsed.ok) throw new Error(parsed.fault);
  return parsed.address;
}
