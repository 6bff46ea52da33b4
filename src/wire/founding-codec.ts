/**
 * The founding record and its signatures as JSON, judged field by field: the same shape in messages
 * and in the file of the data folder. Whether a record may be signed, and whether a signature
 * holds, is membership's to judge; here every text is within its limit.
 */

import { unreachable } from '../base/assert.js';
import type { Founder, SignedFounding } from '../base/founding-record.js';
import type { JsonFields } from './json-fields.js';
import type { FoundingMessage } from './peer-messages.js';
import { messageBytesMax } from './reply-codec.js';
import {
  addressBytesMax,
  addressesMax,
  hexIdDigits,
  nameBytesMax,
  peerIdBytesMax,
} from './text-limits.js';

/** Most founders of one cluster: EXPECT goes to 99. */
const foundersMax = 128;

/** Most servers in one sighting. */
const seenMax = 128;

/** Hexadecimal digits of a signature: Ed25519 takes 128, RSA up to 1024. */
const signatureDigits = { min: 2, max: 2048 } as const;

/** Reads a record with its signatures. @throws WireError for a field that is missing or wrong. */
export function signedFoundingFrom(fields: JsonFields): SignedFounding {
  const record = fields.object('record');
  return {
    record: {
      format: record.counter('format'),
      clusterName: record.label('clusterName', nameBytesMax),
      founders: record.objects('founders', foundersMax).map(founderFrom),
      nonce: record.hex('nonce', hexIdDigits.min, hexIdDigits.max),
    },
    signatures: fields.objects('signatures', foundersMax).map((each) => {
      return {
        peerId: each.label('peerId', peerIdBytesMax),
        signature: each.hex('signature', signatureDigits.min, signatureDigits.max),
      };
    }),
  };
}

/** Reads a message of a founding. @throws WireError for a field that is missing or wrong. */
export function foundingMessageFrom(
  type: FoundingMessage['type'],
  fields: JsonFields,
): FoundingMessage {
  switch (type) {
    case 'sighting':
      return {
        type,
        expect: fields.counter('expect', 1),
        sawCluster: fields.flag('sawCluster'),
        isSigned: fields.flag('isSigned'),
        sees: fields.objects('sees', seenMax).map((seen) => {
          return {
            peerId: seen.label('peerId', peerIdBytesMax),
            incarnation: seen.hex('incarnation', hexIdDigits.min, hexIdDigits.max),
            addresses: seen.lines('addresses', addressesMax, addressBytesMax),
          };
        }),
      };
    case 'foundingOffer':
      return { type, founding: signedFoundingFrom(fields.object('founding')) };
    case 'foundingRefused':
      return {
        type,
        recordId: fields.hex('recordId', hexIdDigits.min, hexIdDigits.max),
        never: fields.flag('never'),
        reason: fields.line('reason', messageBytesMax),
      };
    default:
      return unreachable(type);
  }
}

/** The same sighting with lists that may be read. */
export function trimmedSighting(
  sighting: Extract<FoundingMessage, { type: 'sighting' }>,
): FoundingMessage {
  const sees = sighting.sees.slice(0, seenMax).map((seen) => {
    return { ...seen, addresses: seen.addresses.slice(0, addressesMax) };
  });
  return { ...sighting, sees };
}

function founderFrom(fields: JsonFields): Founder {
  return {
    peerId: fields.label('peerId', peerIdBytesMax),
    incarnation: fields.hex('incarnation', hexIdDigits.min, hexIdDigits.max),
    name: fields.label('name', nameBytesMax),
  };
}
