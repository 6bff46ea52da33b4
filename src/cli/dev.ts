/**
 * `quorate dev …`: the words of the commands that try Quorate out on one machine.
 */

import type { Command } from 'commander';
import { readCount, readWhole } from './arguments.js';
import type { Ending } from './program.js';

/** Adds the commands. */
export function addDev(program: Command, ending: Ending): void {
  const dev = program.command('dev').description('try a cluster out on this machine');
  dev
    .command('cluster')
    .description('run several servers in the foreground; Ctrl-C stops all of them')
    .option('--servers <n>', 'how many', readCount, 5)
    .option('--port <port>', 'port of the first; the others count up', readWhole, 5555)
    .action(async (options: { readonly servers: number; readonly port: number }) => {
      const { runLocalCluster } = await import('./local-cluster.js');
      ending.code = await runLocalCluster(options);
    });
  dev
    .command('kill-leader')
    .description('kill -9 the leader of the cluster that dev cluster runs')
    .action(async () => {
      const { killLeader } = await import('./local-cluster.js');
      process.stdout.write(`${await killLeader()}\n`);
    });
}
