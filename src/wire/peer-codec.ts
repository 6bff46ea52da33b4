/**
 * The bytes of what servers say beside Raft. `forward` is hot (every write through a follower takes
 * it) and laid out by hand: type u8 · ref u64 · body. `control` is rare and JSON: it can be read by
 * eye and takes new fields; each field is judged by itself and copied into a fresh object.
 */

import { unreachable } from '../base/assert.js';
import { type ErrorCode, errorTable, type Refusal } from '../base/errors.js';
import { commandBytesMax } from '../base/limits.js';
import { oneLine } from '../base/one-line.js';
import type { MemberInfo } from '../raft/types.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { logBaseFrom } from './configuration-codec.js';
import { foundingMessageFrom, trimmedSighting } from './founding-codec.js';
import { decodeJson, encodeJson, type JsonFields } from './json-fields.js';
import type { ControlMessage, ForwardMessage, PeerAddresses } from './peer-messages.js';
import {
  messageBytesMax,
  readRefusal,
  readReply,
  writeRefusal,
  writeReply,
} from './reply-codec.js';
import { plainPlan, plainWhy, planFrom, whyFrom } from './report-codec.js';
import {
  addressBytesMax,
  addressesMax,
  hexIdDigits,
  nameBytesMax,
  peerIdBytesMax,
} from './text-limits.js';
import { WireError } from './wire-error.js';

/** Largest control message, bytes. */
export const controlBytesMax = 256 * 1024;

/** Most servers in one address list. */
export const peersMax = 256;

const forwardCode = { execute: 1, executed: 2, notExecuted: 3 } as const;
const errorCodes = Object.keys(errorTable) as readonly ErrorCode[];
const forwardHeadBytes = 9;

const writer = new ByteWriter();

/** Writes a message of the channel `forward`. @throws WireError when a field is over its limit. */
export function encodeForward(message: ForwardMessage): Uint8Array {
  // A message that failed half-way may have left its bytes.
  writer.discard();
  if (message.type === 'execute') writer.ensure(forwardHeadBytes + message.command.length);
  writer.u8(forwardCode[message.type]);
  writer.u64(message.ref);
  switch (message.type) {
    case 'execute':
      checkCommandBytes(message.command.length);
      writer.raw(message.command);
      break;
    case 'executed':
      writeReply(writer, message.reply);
      break;
    case 'notExecuted':
      writeRefusal(writer, message.refusal);
      break;
    default:
      return unreachable(message);
  }
  return writer.finish();
}

/** Reads a message of the channel `forward`; a command is a view. @throws WireError when it is not
 * whole. */
export function decodeForward(bytes: Uint8Array): ForwardMessage {
  const reader = new ByteReader(bytes);
  const type = reader.u8();
  const ref = reader.u64();
  if (type === forwardCode.execute) {
    checkCommandBytes(reader.remaining);
    return { type: 'execute', ref, command: reader.raw(reader.remaining) };
  }
  const message = readAnswer(type, ref, reader);
  reader.expectEnd('a forward message');
  return message;
}

/**
 * Writes a message of the channel `control`. Lists of peers and addresses and texts for people are
 * cut to their limits; @throws WireError when all of it is still over `controlBytesMax`.
 */
export function encodeControl(message: ControlMessage): Uint8Array {
  return encodeJson(trimmed(message), controlBytesMax, 'a control message');
}

/** Reads a message of the channel `control`. @throws WireError when a field is missing or wrong. */
export function decodeControl(bytes: Uint8Array): ControlMessage {
  const fields = decodeJson(bytes, controlBytesMax, 'control');
  const type = fields.oneOf('type', [
    'join',
    'joined',
    'transferLeader',
    'removeMember',
    'leave',
    'plan',
    'why',
    'planned',
    'explained',
    'done',
    'refused',
    'peers',
    'removed',
    'sighting',
    'foundingOffer',
    'foundingRefused',
  ]);
  switch (type) {
    case 'join':
      return { type, ref: fields.counter('ref'), member: newcomer(fields.object('member')) };
    case 'joined':
      return joined(fields);
    case 'transferLeader':
      return { type, ref: fields.counter('ref'), to: fields.line('to', nameBytesMax) };
    case 'removeMember':
      return {
        type,
        ref: fields.counter('ref'),
        name: fields.label('name', nameBytesMax),
        // A server of an older version does not say.
        force: fields.has('force') && fields.flag('force'),
      };
    case 'leave':
    case 'why':
      return { type, ref: fields.counter('ref'), name: fields.label('name', nameBytesMax) };
    case 'plan':
      return { type, ref: fields.counter('ref') };
    case 'planned':
      return { type, ref: fields.counter('ref'), plan: planFrom(fields.object('plan')) };
    case 'explained':
      return { type, ref: fields.counter('ref'), why: whyFrom(fields.object('why')) };
    case 'done':
      return { type, ref: fields.counter('ref'), message: fields.line('message', messageBytesMax) };
    case 'refused':
      return { type, ref: fields.counter('ref'), refusal: refusal(fields.object('refusal')) };
    case 'peers':
      return { type, peers: peers(fields) };
    case 'sighting':
    case 'foundingOffer':
    case 'foundingRefused':
      return foundingMessageFrom(type, fields);
    case 'removed':
      return {
        type,
        memberId: fields.counter('memberId', 1),
        index: fields.counter('index', 1),
        // A server of an older version does not say: then it is for ever.
        mayRejoin: fields.has('mayRejoin') && fields.flag('mayRejoin'),
      };
    default:
      return unreachable(type);
  }
}

function checkCommandBytes(count: number): void {
  if (count <= commandBytesMax) return;
  throw new WireError(`a command of ${count} bytes, more than the ${commandBytesMax} allowed`);
}

function readAnswer(type: number, ref: number, reader: ByteReader): ForwardMessage {
  switch (type) {
    case forwardCode.executed:
      return { type: 'executed', ref, reply: readReply(reader) };
    case forwardCode.notExecuted:
      return { type: 'notExecuted', ref, refusal: readRefusal(reader) };
    default:
      throw new WireError(`a forward message of unknown type ${type}`);
  }
}

function trimmed(message: ControlMessage): ControlMessage {
  switch (message.type) {
    case 'peers':
    case 'joined':
      return { ...message, peers: trimmedPeers(message.peers) };
    case 'planned':
      return { ...message, plan: plainPlan(message.plan) };
    case 'explained':
      return { ...message, why: plainWhy(message.why) };
    case 'done':
      return { ...message, message: oneLine(message.message, messageBytesMax) };
    case 'refused':
      return { ...message, refusal: trimmedRefusal(message.refusal) };
    case 'sighting':
      return trimmedSighting(message);
    case 'foundingRefused':
      return { ...message, reason: oneLine(message.reason, messageBytesMax) };
    default:
      return message;
  }
}

function trimmedPeers(list: readonly PeerAddresses[]): readonly PeerAddresses[] {
  return list.slice(0, peersMax).map(({ peerId, addresses }) => {
    return { peerId, addresses: addresses.slice(0, addressesMax) };
  });
}

function trimmedRefusal(refusal: Refusal): Refusal {
  const { message, leader, retryAfterMillis } = refusal;
  return {
    ...refusal,
    message: oneLine(message, messageBytesMax),
    ...(leader === undefined
      ? {}
      : { leader: { name: leader.name, addresses: leader.addresses.slice(0, addressesMax) } }),
    ...(retryAfterMillis === undefined ? {} : { retryAfterMillis: Math.ceil(retryAfterMillis) }),
  };
}

function joined(fields: JsonFields): ControlMessage {
  return {
    type: 'joined',
    ref: fields.counter('ref'),
    clusterId: fields.hex('clusterId', hexIdDigits.min, hexIdDigits.max),
    memberId: fields.counter('memberId', 1),
    base: logBaseFrom(fields.raw('base')),
    lastIndex: fields.counter('lastIndex'),
    peers: peers(fields),
  };
}

function newcomer(fields: JsonFields): Omit<MemberInfo, 'id'> {
  return {
    peerId: fields.label('peerId', peerIdBytesMax),
    incarnation: fields.hex('incarnation', hexIdDigits.min, hexIdDigits.max),
    name: fields.label('name', nameBytesMax),
  };
}

function peers(fields: JsonFields): readonly PeerAddresses[] {
  return fields.objects('peers', peersMax).map((peer) => {
    return {
      peerId: peer.label('peerId', peerIdBytesMax),
      addresses: peer.lines('addresses', addressesMax, addressBytesMax),
    };
  });
}

function refusal(fields: JsonFields): Refusal {
  const leader = fields.has('leader') ? fields.object('leader') : null;
  return {
    code: fields.oneOf('code', errorCodes),
    message: fields.line('message', messageBytesMax),
    ...(leader === null
      ? {}
      : {
          leader: {
            name: leader.line('name', nameBytesMax),
            addresses: leader.lines('addresses', addressesMax, addressBytesMax),
          },
        }),
    ...(fields.has('retryAfterMillis')
      ? { retryAfterMillis: fields.counter('retryAfterMillis') }
      : {}),
    ...(fields.has('expected') ? { expected: fields.counter('expected') } : {}),
  };
}
