/**
 * What servers say of themselves first. The shape stands here and not with the transport, because
 * wire compiles without a network's types; transport/transport.ts hands it on.
 */

/** One run of a server, from its start to its end. */
export interface Life {
  /** Random, made at the start, 16 hexadecimal digits: two that greet with one key and two words
   * are two processes. */
  readonly word: string;
  /** Somebody has listened to it: a link of it has been up. */
  readonly heard: boolean;
}

/** What a server says of itself first on every link, and again whenever it changes. */
export interface Hello {
  /** The name of the cluster it wants to be in. */
  readonly clusterName: string;
  /** Hash that identifies the cluster it is in, hex; null while it is in none. */
  readonly clusterId: string | null;
  /** Its member id there; null while it is in none. */
  readonly memberId: number | null;
  readonly incarnation: string;
  /** SERVER_ID. */
  readonly name: string;
  /** Version of the program, and of the peer protocol. */
  readonly version: string;
  readonly protocol: number;
  /** Where it can be dialled. */
  readonly addresses: readonly string[];
  /** Which process says so. @default of a version that does not tell: unknown */
  readonly life?: Life;
}
