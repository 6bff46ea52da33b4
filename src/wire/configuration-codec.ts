/**
 * Configurations and log bases as JSON: rare, small and worth reading by eye. What comes in is
 * judged field by field and built anew, so that nothing but what `raft/types` promises (sets
 * sorted, without repeats, disjoint where they must be, everyone named) ever reaches the core.
 */

import type { Configuration, LogBase, MemberId, MemberInfo } from '../raft/types.js';
import { WireError } from './wire-error.js';

/** Most members in all sets of a configuration: beyond it the bytes are nonsense. */
const membersMax = 1024;

/** Longest text of a configuration (a name, a reason), UTF-16 units. */
const textCharsMax = 4096;

/** A configuration as JSON text, fields in a fixed order: equal configurations give equal text. */
export function configurationToJson(configuration: Configuration): string {
  return JSON.stringify(plainConfiguration(configuration));
}

/**
 * Parses what `configurationToJson` made.
 * @throws WireError when it is not JSON or breaks a promise of `Configuration`.
 */
export function configurationFromJson(text: string): Configuration {
  return configurationFrom(parse(text));
}

/** A log base as JSON text. */
export function logBaseToJson(base: LogBase): string {
  const { index, term, configurationIndex } = base;
  const configuration = plainConfiguration(base.configuration);
  return JSON.stringify({ index, term, configurationIndex, configuration });
}

/**
 * Parses what `logBaseToJson` made.
 * @throws WireError when it is not JSON or breaks a promise of `LogBase`.
 */
export function logBaseFromJson(text: string): LogBase {
  return logBaseFrom(parse(text));
}

/**
 * Judges a value parsed from JSON elsewhere (a message of the control channel).
 * @throws WireError when it breaks a promise of `LogBase`.
 */
export function logBaseFrom(value: unknown): LogBase {
  const fields = object(value, 'log base');
  const index = counter(fields['index'], 'index');
  const configurationIndex = counter(fields['configurationIndex'], 'configurationIndex');
  if (configurationIndex > index) throw new WireError('configurationIndex is above index');
  const term = counter(fields['term'], 'term');
  const configuration = configurationFrom(fields['configuration']);
  return { index, term, configuration, configurationIndex };
}

/**
 * Judges a value parsed from JSON.
 * @throws WireError when it breaks a promise of `Configuration`.
 */
function configurationFrom(value: unknown): Configuration {
  const fields = object(value, 'configuration');
  const configuration: Configuration = {
    voters: idSet(fields['voters'], 'voters'),
    votersOutgoing: idSet(fields['votersOutgoing'], 'votersOutgoing'),
    learners: idSet(fields['learners'], 'learners'),
    learnersNext: idSet(fields['learnersNext'], 'learnersNext'),
    members: memberList(fields['members']),
    reason: text(fields['reason'], 'reason'),
  };
  checkSets(configuration);
  return configuration;
}

function checkSets(configuration: Configuration): void {
  const { voters, votersOutgoing, learners, learnersNext, members } = configuration;
  if (voters.length === 0) throw new WireError('a configuration without voters');
  const named = new Set([...voters, ...votersOutgoing]);
  for (const id of learners) {
    if (named.has(id)) throw new WireError(`member ${id} is a learner and a voter`);
    named.add(id);
  }
  for (const id of learnersNext) {
    if (!votersOutgoing.includes(id) || voters.includes(id)) {
      throw new WireError(`member ${id} is in learnersNext but not an outgoing voter only`);
    }
  }
  if (members.length !== named.size) throw new WireError('members do not match the sets');
  let previous = 0;
  for (const member of members) {
    if (!named.has(member.id)) throw new WireError(`member ${member.id} is in none of the sets`);
    if (member.id <= previous) throw new WireError('members are not sorted');
    previous = member.id;
  }
}

function memberList(value: unknown): readonly MemberInfo[] {
  return list(value, 'members').map((each) => {
    const fields = object(each, 'member');
    return {
      id: counter(fields['id'], 'member id'),
      peerId: text(fields['peerId'], 'peerId'),
      incarnation: text(fields['incarnation'], 'incarnation'),
      name: text(fields['name'], 'name'),
    };
  });
}

function idSet(value: unknown, name: string): readonly MemberId[] {
  let previous = 0;
  return list(value, name).map((each) => {
    const id = counter(each, name);
    // Also refuses 0, which is nobody.
    if (id <= previous) throw new WireError(`${name} is not sorted, or repeats, or names nobody`);
    previous = id;
    return id;
  });
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new WireError('not JSON');
  }
}

function object(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WireError(`${name} is not an object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function list(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new WireError(`${name} is not a list`);
  if (value.length > membersMax) throw new WireError(`${name} has more than ${membersMax} items`);
  return value;
}

function counter(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new WireError(`${name} is not a whole number in 0 … 2^53 - 1`);
  }
  return value as number;
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new WireError(`${name} is not a string`);
  if (value.length > textCharsMax) throw new WireError(`${name} is longer than ${textCharsMax}`);
  return value;
}

/** The known fields in their fixed order, whatever else the object carries. */
function plainConfiguration(configuration: Configuration): Configuration {
  const { voters, votersOutgoing, learners, learnersNext, reason } = configuration;
  const members = configuration.members.map(({ id, peerId, incarnation, name }) => {
    return { id, peerId, incarnation, name };
  });
  return { voters, votersOutgoing, learners, learnersNext, members, reason };
}
