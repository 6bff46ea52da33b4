/**
 * `quorate secret …`: makes a secret and tells one from another. The secret itself is never shown.
 */

import type { Command } from 'commander';
import { type GlobalOptions, say, sayJson } from './context.js';

const fileDefault = 'secret.key';

/** Adds the commands. */
export function addSecret(program: Command): void {
  const secret = program
    .command('secret')
    .description('make the secret of a closed cluster, and tell secrets apart');
  secret
    .command('new')
    .argument('[file]', `where to write it (default: ${fileDefault})`, fileDefault)
    .description('make a secret, readable by you alone; a file that is there is left as it is')
    .addHelpText('after', newExamples)
    .action(async (file: string, _options: unknown, command: Command) => {
      const { secretIds, writeNewSecret } = await import('../server/secret-file.js');
      writeNewSecret(file);
      const [id] = secretIds(file) as [string];
      if (command.optsWithGlobals<GlobalOptions>().json === true) sayJson({ file, id });
      else say(`${file}: a secret with id ${id}; give it to servers and clients (--secret-file)`);
    });
  secret
    .command('show-id')
    .argument('<file>', 'a secret file')
    .description('print the id of each key: the same secret has the same id, and tells nothing')
    .addHelpText('after', idExamples)
    .action(async (file: string, _options: unknown, command: Command) => {
      const { secretIds } = await import('../server/secret-file.js');
      const ids = secretIds(file);
      if (command.optsWithGlobals<GlobalOptions>().json === true) sayJson({ file, ids });
      else
        for (const [at, id] of ids.entries()) say(`${id}  ${at === 0 ? 'spoken' : 'understood'}`);
    });
}

const newExamples = `
Examples:
  quorate secret new
  quorate secret new next.key && cat next.key >> secret.key    a second key, for a rotation`;

const idExamples = `
Examples:
  quorate secret show-id secret.key`;
