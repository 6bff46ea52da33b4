/**
 * The named limits of the system. A size is checked against the same constant where it is proposed,
 * encoded and decoded: a server that accepts what it cannot read back has lost it (etcd #14025).
 */

/** Largest payload of one record or value, bytes (the default of the `recordBytesMax` option). */
export const recordBytesMaxDefault = 1024 * 1024;

/** Largest command in one log entry, bytes: a batch of records with room for its envelope. */
export const commandBytesMax = 4 * 1024 * 1024;

/** Largest frame on any stream and in the write-ahead log, bytes. */
export const frameBytesMax = 8 * 1024 * 1024;

/** Largest key of the key-value store, bytes. */
export const keyBytesMax = 4096;

/** Most records in one append command. */
export const batchRecordsMax = 10_000;

/** Most views of a stream that its state tells: the newest. */
export const streamViewsTold = 100;

/** Most streams in one answer: their states together stay well below a frame. */
export const streamsListedMax = 1000;

/** Largest index, term, revision or sequence: beyond it a double can no longer count. */
export const counterMax = Number.MAX_SAFE_INTEGER;
