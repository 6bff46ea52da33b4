/**
 * What the bench and its load process say to each other. Plain data, sent as JSON. Moments are
 * microseconds of the monotonic clock that all processes of a machine share.
 */

/** Work for one client: a point of the table. */
export interface LoadOrder {
  readonly type: 'load';
  readonly targets: readonly string[];
  readonly operation: 'append' | 'batch' | 'get' | 'stale-get';
  /** Operations on their way at once. */
  readonly outstanding: number;
  /** Records of one `batch`. */
  readonly batchRecords: number;
  readonly recordBytes: number;
  /** Null: the client's default. */
  readonly groupRecordsMax: number | null;
  /** Time to warm up, which is not measured, and time measured. */
  readonly warmMillis: number;
  readonly measuredMillis: number;
}

/** A light load that goes on until `stop`: an append begins every so often, come what may. */
export interface PaceOrder {
  readonly type: 'pace';
  readonly targets: readonly string[];
  readonly everyMillis: number;
  readonly recordBytes: number;
}

/** To the load process. */
export type LoadCommand =
  | LoadOrder
  | PaceOrder
  /** Answered by `resumed`, once an append that began after this moment was acknowledged. */
  | { readonly type: 'killed'; readonly atMicros: number }
  | { readonly type: 'stop' };

/** What a load measured. Latencies are microseconds. */
export interface LoadResult {
  readonly operations: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** CPU of the load process in the measured time, user and system. */
  readonly cpuMicros: number;
}

/** From the load process. */
export type LoadNews =
  /** The measured time begins, or ends: whoever counts CPU of servers looks now. */
  | { readonly type: 'begins' }
  | { readonly type: 'ends'; readonly result: LoadResult }
  /** The paced load has its first acknowledgement. */
  | { readonly type: 'paced' }
  | { readonly type: 'resumed'; readonly atMicros: number }
  | { readonly type: 'stopped'; readonly appends: number }
  | { readonly type: 'failed'; readonly reason: string };

/** Now, by the clock that all processes of this machine share. */
export function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
