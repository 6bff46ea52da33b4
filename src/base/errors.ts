/**
 * The one table of error codes. Every front maps these to its own protocol; every client reads
 * them.
 *
 * A code says what happened; `retry` says what the asker may do next:
 *  - `same`     nothing was done; ask again (elsewhere, or later),
 *  - `session`  it may or may not have been done; only a repeat under the same session is safe,
 *  - `never`    asking again with the same words gives the same answer.
 */

/** What the asker may do after an error of this code. */
export type Retry = 'same' | 'session' | 'never';

/** Every error that crosses a boundary of the system has one of these codes. */
export const errorTable = {
  /** This server does not lead and could not pass the request on; `leader` may say who does. */
  NOT_LEADER: { retry: 'same' },
  /** Nobody leads as far as this server knows. */
  NO_LEADER: { retry: 'same' },
  /** A queue is full; nothing was done. `retryAfterMillis` says when to come back. */
  OVERLOADED: { retry: 'same' },
  /** The request was put into the log and its place was taken by another leader's entry. */
  LEADER_CHANGED: { retry: 'session' },
  /** No answer in time: the outcome is unknown. */
  TIMEOUT: { retry: 'session' },
  /** The connection ended before the answer came: the outcome is unknown. */
  DISCONNECTED: { retry: 'session' },
  /** The server is stopping. */
  STOPPING: { retry: 'same' },
  /** The server has not joined a cluster yet. */
  NOT_MEMBER: { retry: 'same' },
  /** The session is not (or no longer) known; what it had in flight must not be repeated
   * blindly. */
  SESSION_EXPIRED: { retry: 'never' },
  /** A command of a session came before its predecessor; `expected` is the sequence awaited. */
  OUT_OF_ORDER: { retry: 'session' },
  /** A command of a session was answered and acknowledged long ago. */
  REPLY_FORGOTTEN: { retry: 'never' },
  /** A record, key, value or batch is over its limit. */
  TOO_LARGE: { retry: 'never' },
  /** The request itself is wrong. */
  BAD_REQUEST: { retry: 'never' },
  /** What was asked for does not exist. */
  NOT_FOUND: { retry: 'never' },
  /** A condition given with the request does not hold. */
  CONFLICT: { retry: 'never' },
  /** The stream's view is closed: it takes no more records; `expected` is where it ends. */
  SEALED: { retry: 'never' },
  /** A newer fence is in force: somebody else writes now; `expected` is that fence. */
  FENCED: { retry: 'never' },
  /** The records are trimmed away; `expected` is the first that is kept. */
  TRIMMED: { retry: 'never' },
  /** A membership change or a transfer is under way; only one at a time. */
  CHANGE_IN_PROGRESS: { retry: 'same' },
  /** The membership rules refuse the change; the message says which. */
  CHANGE_REFUSED: { retry: 'never' },
  /** The two sides belong to different clusters, or speak different versions. */
  WRONG_CLUSTER: { retry: 'never' },
  /** Data on disk is damaged; the message says which file and offset. */
  DAMAGED: { retry: 'never' },
  /** The disk is full, or refused the work. */
  DISK_FAILED: { retry: 'same' },
} as const satisfies Record<string, { readonly retry: Retry }>;

/** One of the codes of `errorTable`. */
export type ErrorCode = keyof typeof errorTable;

/** What the asker needs next, where the code has it. */
export interface ErrorDetails {
  /** Where the leader is, if known. */
  readonly leader?: { readonly name: string; readonly addresses: readonly string[] };
  /** When to ask again, milliseconds. */
  readonly retryAfterMillis?: number;
  /** What would have been right: the sequence a session or an append awaits, the end of a sealed
   * view, the newest view, the fence in force, the first record kept. */
  readonly expected?: number;
}

/** An expected refusal as plain data: pure code returns it, it never throws one. */
export interface Refusal extends ErrorDetails {
  readonly code: ErrorCode;
  /** One line: what happened and what to do next. */
  readonly message: string;
}

/** A refusal as an exception, for the edges where callers expect one. */
export class QuorateError extends Error {
  override readonly name = 'QuorateError';
  readonly code: ErrorCode;
  /** What the caller needs next, where the code has it. (Not `details`: a name that test runners
   * take for their own.) */
  readonly hints: ErrorDetails;

  constructor(code: ErrorCode, message: string, hints: ErrorDetails = {}) {
    super(message);
    this.code = code;
    this.hints = hints;
  }

  /** What the caller may do next. */
  get retry(): Retry {
    return errorTable[this.code].retry;
  }

  static from(refusal: Refusal): QuorateError {
    const { code, message, ...hints } = refusal;
    return new QuorateError(code, message, hints);
  }
}
