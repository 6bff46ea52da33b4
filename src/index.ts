/**
 * The library: what `import … from 'quorate'` gives. Only names are gathered here; the client is in
 * client/, the server in server/.
 */

export { type ErrorCode, type ErrorDetails, QuorateError } from './base/errors.js';
export type {
  AppendOptions,
  AppendResult,
  BatchResult,
  CallOptions,
  Data,
  DeleteResult,
  FollowOptions,
  GetOptions,
  ListOptions,
  ListResult,
  PutResult,
  ReadOptions,
  ReadResult,
  RemoveOptions,
  RetentionLimits,
  SealOptions,
  StreamChanged,
  StreamOptions,
  StreamReadOptions,
  StreamsOptions,
  StreamsResult,
  WriteOptions,
} from './client/calls.js';
export type { Client } from './client/client.js';
export { connect } from './client/connect.js';
export type { ConnectOptions } from './client/options.js';
export type { KeyValue, Retention, StreamState, StreamView } from './machine/commands.js';
export type { ServerConfig } from './server/config.js';
export { createServer, type ServerOptions } from './server/embed.js';
export type { Server, ServerEnd } from './server/server.js';
export type {
  ClusterStatus,
  Consistency,
  HistoryRow,
  MemberStatus,
  NamedStream,
  PlanReport,
  PolicyReport,
  PolicyRow,
  QuorumReport,
  StreamRecord,
  WhyReport,
} from './wire/client-messages.js';
