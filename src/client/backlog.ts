/**
 * Writes that were never sent: they wait here for a stream, a session and room in its window, and
 * single appends that wait together are put into one command. It decides who shares a command and
 * who must be turned away. The invariant: nothing in here has a sequence number, so each can still
 * be taken out without a trace.
 */

import { QuorateError } from '../base/errors.js';
import { AbortWatch, abortReason } from './abort.js';
import type { ClientSettings } from './options.js';
import { Queue } from './queue.js';
import type { RequestLimits } from './requests.js';
import { type CommandOwner, type Order, SessionCommand, type Waiter } from './session-command.js';

/** A larger record travels alone: sharing saves it nothing, and a refusal of its size must not hit
 * its neighbours. */
const groupedRecordBytesMax = 4096;
const groupBytesMax = 256 * 1024;
/** Callers whose deadlines are this close share the earliest of them. */
const groupDeadlineSlackMillis = 50;

/** What a caller brings with an order. */
export interface Caller {
  readonly waiter: Waiter;
  readonly limits: RequestLimits;
  /** Size of what the order carries. */
  readonly bytes: number;
  /** The order is an append of one record that may travel with others. */
  readonly mayShare: boolean;
}

/** The queue of commands before their first sending. */
export class Backlog {
  readonly #settings: ClientSettings;
  readonly #owner: CommandOwner;
  readonly #commands = new Queue<SessionCommand>();
  #bytes = 0;
  #callers = 0;
  /** No caller's deadline is before this. */
  #earliestDeadlineMillis = Number.POSITIVE_INFINITY;

  constructor(settings: ClientSettings, owner: CommandOwner) {
    this.#settings = settings;
    this.#owner = owner;
  }

  get length(): number {
    return this.#commands.length;
  }

  /** Takes an order in; false: the caller was turned away and has heard why. */
  add(order: Order, caller: Caller): boolean {
    const { waiter, bytes } = caller;
    const { signal, deadlineMillis } = caller.limits;
    if (signal?.aborted) {
      waiter.reject(abortReason(signal));
      return false;
    }
    const { waitingMax, waitingBytesMax } = this.#settings;
    if (this.#callers >= waitingMax || (this.#bytes > 0 && this.#bytes + bytes > waitingBytesMax)) {
      const message = 'too many writes wait in this client: await some before making more';
      waiter.reject(new QuorateError('OVERLOADED', message, { retryAfterMillis: 10 }));
      return false;
    }
    this.#callers += 1;
    this.#bytes += bytes;
    const isGroup = caller.mayShare && bytes <= groupedRecordBytesMax;
    let command = isGroup ? this.#groupWithRoom(order, bytes, deadlineMillis) : null;
    if (command) {
      command.bytes += bytes;
      command.waiters.push(waiter);
    } else {
      command = new SessionCommand(this.#owner, order, waiter, { bytes, isGroup, deadlineMillis });
      this.#commands.push(command);
      if (deadlineMillis < this.#earliestDeadlineMillis) {
        this.#earliestDeadlineMillis = deadlineMillis;
      }
    }
    if (signal) this.#watch(command, waiter, signal);
    return true;
  }

  /** The first command, which leaves the backlog for good. */
  shift(): SessionCommand | undefined {
    const command = this.#commands.shift();
    if (command) {
      this.#bytes -= command.bytes;
      this.#callers -= command.waiters.length;
    }
    return command;
  }

  /** Fails the callers whose time is up; nothing was done for them. */
  expire(nowMillis: number, error: () => QuorateError): void {
    if (nowMillis < this.#earliestDeadlineMillis) return;
    let earliest = Number.POSITIVE_INFINITY;
    this.#commands.filter((command) => {
      if (command.deadlineMillis > nowMillis) {
        earliest = Math.min(earliest, command.deadlineMillis);
        return true;
      }
      this.#bytes -= command.bytes;
      this.#callers -= command.waiters.length;
      command.fail(error());
      return false;
    });
    this.#earliestDeadlineMillis = earliest;
  }

  /** Fails everybody. */
  failAll(error: QuorateError): void {
    this.#bytes = 0;
    this.#callers = 0;
    for (const command of this.#commands.drain()) command.fail(error);
  }

  /** The group at the end of the queue, if one more record fits in; the record is put into it. */
  #groupWithRoom(order: Order, bytes: number, deadlineMillis: number): SessionCommand | null {
    const last = this.#commands.last();
    if (!last?.isGroup || last.order.op !== 'append' || order.op !== 'append') return null;
    const { records, stream } = last.order;
    if (stream !== order.stream || records.length >= this.#settings.groupRecordsMax) return null;
    if (last.bytes + bytes > groupBytesMax) return null;
    const laterMillis = deadlineMillis - last.deadlineMillis;
    if (laterMillis < 0 || laterMillis > groupDeadlineSlackMillis) return null;
    records.push(order.records[0] as Uint8Array);
    return last;
  }

  /** An abort takes an unsent record out; a sent one goes its way, without its caller. */
  #watch(command: SessionCommand, waiter: Waiter, signal: AbortSignal): void {
    waiter.watch = new AbortWatch(signal, () => {
      const place = command.waiters.indexOf(waiter);
      if (place < 0) return;
      if (command.sequence === 0) this.#takeOut(command, place);
      else command.waiters[place] = { ...waiter, resolve: () => {}, reject: () => {}, watch: null };
      waiter.reject(abortReason(signal));
    });
  }

  #takeOut(command: SessionCommand, place: number): void {
    const { order } = command;
    this.#callers -= 1;
    command.waiters.splice(place, 1);
    if (command.isGroup && order.op === 'append') {
      const [record] = order.records.splice(place, 1);
      const bytes = record?.length ?? 0;
      command.bytes -= bytes;
      this.#bytes -= bytes;
      if (order.records.length > 0) return;
    } else this.#bytes -= command.bytes;
    this.#commands.filter((other) => other !== command);
  }
}
