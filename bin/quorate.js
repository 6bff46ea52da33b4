#!/usr/bin/env node
/**
 * The command. It only checks that what it needs is there, in words that an old Node understands,
 * and hands over to dist/cli/main.js.
 */

const wanted = [20, 17];
const found = process.versions.node.split('.').map(Number);
const isOld = found[0] < wanted[0] || (found[0] === wanted[0] && found[1] < wanted[1]);
const main = '../dist/cli/main.js';

if (isOld) {
  console.error(
    'quorate: Node ' +
      process.versions.node +
      ' is too old; install Node ' +
      wanted.join('.') +
      ' or later',
  );
  process.exitCode = 1;
} else {
  import(main).then(
    (cli) => cli.main(process.argv.slice(2)),
    (error) => {
      // Named by this file, the missing one is the build; by another, it is a dependency.
      const isMissing = error.code === 'ERR_MODULE_NOT_FOUND';
      const isUnbuilt = isMissing && /imported from .*quorate\.js$/m.test(error.message);
      const advice = isUnbuilt
        ? 'it is not built yet; run make build'
        : isMissing
          ? 'its dependencies are not installed; run make install'
          : error.message;
      console.error(`quorate: ${advice}`);
      process.exitCode = 1;
    },
  );
}
