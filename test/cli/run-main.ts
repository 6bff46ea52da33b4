/**
 * Runs the command line from the sources, as bin/quorate.js runs it from what was built.
 */

import { main } from '../../src/cli/main.js';

await main(process.argv.slice(2));
