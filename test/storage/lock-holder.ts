/**
 * A process for the test of the folder lock: locks its first argument, says so, and waits.
 */

import { lockFolder } from '../../src/storage/folder-lock.js';

lockFolder(process.argv[2] ?? '', (reason, lock) => {
  process.stdout.write(lock === null ? `refused ${reason}\n` : 'held\n');
  if (lock === null) return;
  // Holds until it is told to go, or killed.
  process.stdin.once('data', () => {
    lock.release();
    process.exit(0);
  });
});
