/**
 * A logger for libp2p that says nothing: what an operator wants to know is said by this folder's
 * own events, and libp2p logs several lines per message when asked. Its own logger formats nothing
 * when switched off but still costs calls; this one costs less.
 */

import type { ComponentLogger, Logger } from '@libp2p/interface';

const nothing = (): void => undefined;

const quiet: Logger = Object.assign(nothing, {
  error: nothing,
  trace: nothing,
  enabled: false,
  newScope: (): Logger => quiet,
});

/** Handed to every libp2p node as its `logger`. */
export const quietLogger: ComponentLogger = { forComponent: () => quiet };
