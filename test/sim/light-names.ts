/**
 * Preload of the simulator's workers. tsx compiles so that every closure is given its name by a
 * call when it is made, for the sake of minified code; a world makes millions of closures, and that
 * was 8 % of its run. Engines know the names of what is not minified: here the call does nothing.
 */

import { register } from 'node:module';

register('./light-names-hooks.ts', { parentURL: import.meta.url });
