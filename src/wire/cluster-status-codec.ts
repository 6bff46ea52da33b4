/**
 * The answer to `status` as JSON: rare, for people and their scripts, and open to new fields, which
 * an older server does not send. What comes in is built anew field by field.
 */

import { oneLine } from '../base/one-line.js';
import { diskFitnesses } from '../membership/table.js';
import type { ClusterStatus, MemberStatus, OtherCluster } from './client-messages.js';
import { decodeJson, encodeJson, type JsonFields } from './json-fields.js';
import {
  addressBytesMax,
  addressesMax,
  nameBytesMax,
  peerIdBytesMax,
  zoneBytesMax,
} from './text-limits.js';

/** Largest status, bytes: a thousand members with all their addresses. */
const statusBytesMax = 1024 * 1024;

const membersMax = 1024;
const otherClustersMax = 64;
const lineBytesMax = 4096;

/** Writes a status. @throws WireError when it is too large. */
export function encodeStatus(status: ClusterStatus): Uint8Array {
  const { self } = status;
  // It quotes what other servers said, and may name many of them.
  const waitingFor = self.waitingFor === null ? null : oneLine(self.waitingFor, lineBytesMax);
  const alarm = self.alarm === null ? null : oneLine(self.alarm, lineBytesMax);
  return encodeJson({ ...status, self: { ...self, waitingFor, alarm } }, statusBytesMax, 'status');
}

/** Reads a status. @throws WireError when a field is missing or not what it should be. */
export function decodeStatus(bytes: Uint8Array): ClusterStatus {
  const fields = decodeJson(bytes, statusBytesMax, 'status');
  const leader = fields.objectOrNull('leader');
  return {
    cluster: fields.line('cluster', nameBytesMax),
    clusterId: fields.lineOrNull('clusterId', nameBytesMax),
    version: fields.line('version', nameBytesMax),
    term: fields.counter('term'),
    leader:
      leader === null
        ? null
        : { name: leader.line('name', nameBytesMax), memberId: leader.counter('memberId') },
    commitIndex: fields.counter('commitIndex'),
    appliedIndex: fields.counter('appliedIndex'),
    lastIndex: fields.counter('lastIndex'),
    // A server that does not tell it has no later term in its log than its own.
    lastTerm: fields.counter(fields.has('lastTerm') ? 'lastTerm' : 'term'),
    faultTolerance: fields.counter('faultTolerance'),
    joint: fields.flag('joint'),
    configurationIndex: fields.has('configurationIndex') ? fields.counter('configurationIndex') : 0,
    members: fields.objects('members', membersMax).map(memberStatus),
    otherClusters: fields.has('otherClusters')
      ? fields.objects('otherClusters', otherClustersMax).map(otherCluster)
      : [],
    self: selfStatus(fields.object('self')),
  };
}

function memberStatus(fields: JsonFields): MemberStatus {
  return {
    name: fields.line('name', nameBytesMax),
    memberId: fields.counter('memberId'),
    peerId: fields.line('peerId', peerIdBytesMax),
    role: fields.oneOf('role', ['voter', 'learner', 'standby']),
    health: fields.oneOf('health', ['alive', 'suspect', 'dead', 'left', 'unknown']),
    addresses: fields.lines('addresses', addressesMax, addressBytesMax),
    matchIndex: fields.counterOrNull('matchIndex'),
    silentMillis: fields.has('silentMillis') ? fields.counterOrNull('silentMillis') : null,
    zone: fields.has('zone') ? fields.lineOrNull('zone', zoneBytesMax) : null,
    disk: fields.has('disk') ? fields.oneOf('disk', [...diskFitnesses, null]) : null,
  };
}

function otherCluster(fields: JsonFields): OtherCluster {
  return {
    cluster: fields.line('cluster', nameBytesMax),
    clusterId: fields.line('clusterId', nameBytesMax),
    servers: fields.counter('servers'),
    server: fields.line('server', nameBytesMax),
    addresses: fields.lines('addresses', addressesMax, addressBytesMax),
    seenMillis: fields.counter('seenMillis'),
  };
}

function selfStatus(fields: JsonFields): ClusterStatus['self'] {
  return {
    name: fields.line('name', nameBytesMax),
    memberId: fields.counterOrNull('memberId'),
    peerId: fields.line('peerId', peerIdBytesMax),
    role: fields.oneOf('role', ['leader', 'follower', 'candidate', 'joining']),
    waitingFor: fields.lineOrNull('waitingFor', lineBytesMax),
    leaderless: fields.has('leaderless') ? leaderless(fields.objectOrNull('leaderless')) : null,
    alarm: fields.has('alarm') ? fields.lineOrNull('alarm', lineBytesMax) : null,
    gossipSent: fields.has('gossipSent') ? gossipSent(fields.objectOrNull('gossipSent')) : null,
  };
}

function leaderless(fields: JsonFields | null): ClusterStatus['self']['leaderless'] {
  if (fields === null) return null;
  const lastLeader = fields.lineOrNull('lastLeader', nameBytesMax);
  return { millis: fields.counter('millis'), lastLeader };
}

function gossipSent(fields: JsonFields | null): ClusterStatus['self']['gossipSent'] {
  if (fields === null) return null;
  return { frames: fields.counter('frames'), bytes: fields.counter('bytes') };
}
