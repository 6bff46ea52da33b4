/**
 * `quorate start`: the flags of a server. They are handed on as they were written; server/config
 * judges them together with the configuration file and the environment.
 */

import type { Command } from 'commander';
import type { GlobalOptions } from './context.js';
import type { Ending } from './program.js';

/** Adds the command. */
export function addStart(program: Command, ending: Ending): void {
  program
    .command('start')
    .description('start a server: found a cluster here, or join the one that --peers are in')
    .option('-i, --id <name>', 'name of this server (default: server1)')
    .option('-a, --listen <host:port>', 'where to listen (default: 127.0.0.1:5555)')
    .option('-p, --peers <host:port,...>', 'servers of the cluster to join')
    .option('--open', 'without a secret on an address that other machines reach: all may join')
    .option('--data <dir>', 'data folder (default: data/<id>)')
    .option('--cluster <name>', 'name of the cluster (default: quorate)')
    .option('--zone <name>', 'where this server stands, such as a rack or a site: told to all')
    .option('--expect <n>', 'found the cluster together with n − 1 others')
    .option('--no-mdns', 'do not look for servers on the local network')
    .option('--mode <mode>', 'front end wanted beside the native one')
    .option('--config <file>', 'YAML file with the same settings; flags win')
    .option('-l, --leader', 'found a cluster here when no peer is in one')
    .option('--election-timeout-min <ms>', 'least silence before an election (default: 300)')
    .option('--election-timeout-max <ms>', 'most silence before an election (default: 600)')
    .option('--heartbeat-interval <ms>', 'time between heartbeats (default: 50)')
    .option('--max-missed-heartbeats <n>', 'heartbeats that may be missed before an election')
    .option('--log-level <level>', 'error, warn, info or debug (default: info)')
    .option('--record-bytes-max <bytes>', 'largest record or value (default: 1048576)')
    .option('--voters <n>', 'voters to rest at, odd (default: 5)')
    .option(
      '--stabilisation <ms>',
      'how long a newcomer must be well before it votes (default: 5000)',
    )
    .option('--snapshot-entries <n>', 'log entries between two snapshots (default: 100000)')
    .addHelpText('after', examples)
    .action(async (_options: unknown, command: Command) => {
      const { runServer } = await import('../server/run.js');
      ending.code = await runServer(givenFlags(command));
    });
}

const examples = `
Every setting may also stand in the environment as QUORATE_… (QUORATE_ID, QUORATE_LISTEN, …) and
in the --config file; flags win over the environment, the environment over the file.

Examples:
  quorate start --id server1 --listen 0.0.0.0:5555 --secret-file secret.key
  quorate start -i server2 -a :5556 -p localhost:5555
  quorate start --config server.yaml --log-level debug`;

/** What was written on the command line, and nothing that is only a default of the parser. */
function givenFlags(command: Command): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(command.opts())) {
    if (command.getOptionValueSource(name) === 'cli') given[name] = value;
  }
  // An option of all commands, which the parser keeps with them.
  const { secretFile } = command.optsWithGlobals<GlobalOptions>();
  if (secretFile !== undefined) given['secretFile'] = secretFile;
  return given;
}
