/**
 * The words of the command line: every command, option, help text and example. No command does
 * anything here: each loads what it needs when it is called, so that help and version are quick and
 * a client loads no server.
 */

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { readCount, readDuration, readTargets, readWhole } from './arguments.js';
import {
  type CommandContext,
  type GlobalOptions,
  sayJson,
  targetsOf,
  withClient,
  withPatientClient,
} from './context.js';
import { addDev } from './dev.js';
import { CommandError, UsageError } from './faults.js';
import { examples } from './help-text.js';
import { addLog } from './log-words.js';
import { addRescue } from './rescue.js';
import { addSecret } from './secret.js';
import { addStart } from './start.js';
import { addStream } from './stream-words.js';

/** What ends up in the exit code when a command neither fails nor sets another. */
export interface Ending {
  code: number;
}

/** The parser for all commands. */
export function buildProgram(ending: Ending): Command {
  const program = new Command('quorate');
  program
    .description('A cluster that assembles itself: a replicated log and a key-value store on Raft.')
    .version(version(), '-V, --version', 'print the version')
    .option(
      '-t, --targets <host:port,...>',
      'servers to ask (default: QUORATE_TARGETS or 127.0.0.1:5555)',
      readTargets,
    )
    .option(
      '--timeout <time>',
      'how long to wait, in seconds or as 500ms (default: 5; members remove, leave: 30)',
      readDuration,
    )
    .option('--secret-file <file>', 'secret of a closed cluster (default: QUORATE_SECRET_FILE)')
    .option('--json', 'print JSON, one object a line')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', exitCodesHelp);
  addStart(program, ending);
  addLog(program);
  addStream(program);
  addKeys(program);
  addCluster(program);
  addPolicy(program);
  addSecret(program);
  addTools(program);
  addDev(program, ending);
  return program;
}

const exitCodesHelp = `
Exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage, 3 no leader in time.

Examples:
  quorate start --id server1                        found a cluster on this machine
  quorate start -i server2 -a :5556 -p localhost:5555    join it
  quorate append -c hello                           append a record, print its sequence number
  quorate query --follow                            list records, and those to come
  quorate read --since 10m                          list the records of the last ten minutes
  quorate status -t 10.0.0.4:5555,10.0.0.5:5555     how the cluster stands`;

function addKeys(program: Command): void {
  program
    .command('put')
    .argument('<key>')
    .argument('<value>')
    .description('write a key')
    .option(
      '--if-revision <n>',
      'only if the mod revision is n; 0: only if there is no such key',
      readWhole,
    )
    .addHelpText('after', examples('put colour blue', 'put lock me --if-revision 0'))
    .action(async (key: string, value: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { ifRevision?: number }>();
      const { putKey } = await import('./key-commands.js');
      const { ifRevision } = options;
      await withClient(options, (context) => putKey(context, { key, value, ifRevision }));
    });
  program
    .command('get')
    .argument('<key>')
    .description('print the value of a key')
    .option('--stale', 'what the asked server has, without asking the leader')
    .addHelpText('after', examples('get colour', 'get colour --json'))
    .action(async (key: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { stale?: true }>();
      const { getKey } = await import('./key-commands.js');
      await withClient(options, (context) => getKey(context, key, options.stale === true));
    });
  program
    .command('delete')
    .argument('<key>')
    .description('delete a key')
    .addHelpText('after', examples('delete colour'))
    .action(async (key: string, _options: unknown, command: Command) => {
      const { deleteKey } = await import('./key-commands.js');
      await withClient(command.optsWithGlobals(), (context) => deleteKey(context, key));
    });
  program
    .command('list')
    .argument('[prefix]', 'only keys that begin so', '')
    .description('list keys and values in order')
    .option('--limit <n>', 'keys at most', readCount, 1000)
    .option('--stale', 'what the asked server has, without asking the leader')
    .addHelpText('after', examples('list', 'list config/ --json'))
    .action(async (prefix: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { limit: number; stale?: true }>();
      const { listKeys } = await import('./key-commands.js');
      const { limit } = options;
      await withClient(options, (context) =>
        listKeys(context, { prefix, limit, stale: options.stale === true }),
      );
    });
}

type ClusterCommands = typeof import('./cluster-commands.js');
type OperatorCommands = typeof import('./operator-commands.js');

/** Runs one of the commands about the cluster. */
async function onCluster(
  command: Command,
  run: (commands: ClusterCommands, context: CommandContext) => Promise<void>,
  connected = withClient,
): Promise<void> {
  const commands = await import('./cluster-commands.js');
  await connected(command.optsWithGlobals(), (context) => run(commands, context));
}

/** Runs `status` or `members` once, or with `--watch` again and again. */
async function onceOrWatched(
  command: Command,
  what: 'status' | 'members',
  once: (commands: ClusterCommands, context: CommandContext) => Promise<void>,
): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions & { watch?: true }>();
  if (options.watch !== true) return onCluster(command, once);
  const { watch, watchedMembers, watchedStatus } = await import('./watch.js');
  const watched = what === 'status' ? watchedStatus : watchedMembers;
  await withClient(options, (context) => watch(context, watched));
}

/** Runs one of the commands about plans, history and policy. */
async function onMembership(
  command: Command,
  run: (operator: OperatorCommands, context: CommandContext) => Promise<void>,
  connected = withClient,
): Promise<void> {
  const operator = await import('./operator-commands.js');
  await connected(command.optsWithGlobals(), (context) => run(operator, context));
}

function addCluster(program: Command): void {
  program
    .command('status')
    .description('show how the cluster stands, as the asked server sees it')
    .option('-w, --watch', 'go on, and show what changes, until Ctrl-C')
    .addHelpText('after', examples('status', 'status --watch', 'status -t 10.0.0.4:5555 --json'))
    .action((_options: unknown, command: Command) =>
      onceOrWatched(command, 'status', (commands, context) => commands.showStatus(context)),
    );
  const members = program
    .command('members')
    .description('list the members of the cluster')
    .option('-w, --watch', 'go on, and show what changes, until Ctrl-C')
    .addHelpText(
      'after',
      examples('members', 'members --watch', 'members plan', 'members why server3'),
    )
    .action((_options: unknown, command: Command) =>
      onceOrWatched(command, 'members', (commands, context) => commands.showMembers(context)),
    );
  addMembership(members);
  addRescue(members);
  members
    .command('remove')
    .argument('<name>', 'the SERVER_ID of a member')
    .description('take a member out of the cluster')
    .option('--force', 'also where only one voter would be left')
    .addHelpText('after', examples('members remove server3', 'members remove server3 --force'))
    .action((name: string, options: { force?: true }, command: Command) => {
      const run = (commands: ClusterCommands, context: CommandContext): Promise<void> =>
        commands.removeMember(context, name, options.force === true);
      return onCluster(command, run, withPatientClient);
    });
  program
    .command('transfer-leader')
    .argument('[name]', 'the SERVER_ID of a voter (default: the best follower)', '')
    .description('hand the leadership to another member')
    .addHelpText('after', examples('transfer-leader server2', 'transfer-leader'))
    .action((name: string, _options: unknown, command: Command) =>
      onCluster(command, (commands, context) => commands.transferLeader(context, name)),
    );
}

/** The commands below `members` that ask the leader, or tell it something. */
function addMembership(members: Command): void {
  members
    .command('plan')
    .description('show what the leader would change now, or the rule that keeps it from it')
    .addHelpText('after', examples('members plan', 'members plan --json'))
    .action((_options: unknown, command: Command) =>
      onMembership(command, (operator, context) => operator.showPlan(context)),
    );
  members
    .command('why')
    .argument('<name>', 'the SERVER_ID of a member, or its member id')
    .description('show how one server stands and what it waits for')
    .addHelpText('after', examples('members why server4'))
    .action((name: string, _options: unknown, command: Command) =>
      onMembership(command, (operator, context) => operator.showWhy(context, name)),
    );
  members
    .command('history')
    .description('list the configurations of the past: when, who, and why')
    .addHelpText('after', examples('members history', 'members history --json'))
    .action((_options: unknown, command: Command) =>
      onMembership(command, (operator, context) => operator.showHistory(context)),
    );
  members
    .command('leave')
    .argument('[name]', 'the SERVER_ID of a member (default: the one server asked)', '')
    .description('let a member leave in order: leadership first, then its vote, itself last')
    .addHelpText('after', examples('members leave server3', 'members leave -t localhost:5557'))
    .action((name: string, _options: unknown, command: Command) => {
      if (name === '' && targetsOf(command.optsWithGlobals()).length > 1) {
        throw new UsageError('leave whom? Give a NAME, or one server alone by -t HOST:PORT');
      }
      const run = (operator: OperatorCommands, context: CommandContext): Promise<void> =>
        operator.leave(context, name);
      return onMembership(command, run, withPatientClient);
    });
}

function addPolicy(program: Command): void {
  const policy = program
    .command('policy')
    .description('show or set what you want of the membership: voters, waits')
    .addHelpText('after', examples('policy', 'policy set voters=5 dead-after=10s'))
    .action((_options: unknown, command: Command) =>
      onMembership(command, (operator, context) => operator.showPolicy(context)),
    );
  policy
    .command('show')
    .description('show every word in force and where it comes from')
    .addHelpText('after', examples('policy show', 'policy show --json'))
    .action((_options: unknown, command: Command) =>
      onMembership(command, (operator, context) => operator.showPolicy(context)),
    );
  policy
    .command('set')
    .argument('<words...>', 'such as voters=5 or dead-after=10s; voters=default takes it back')
    .description('set words of the policy, for all servers, at once')
    .addHelpText(
      'after',
      examples('policy set voters=5 dead-after=10s', 'policy set voters=default'),
    )
    .action((words: readonly string[], _options: unknown, command: Command) => {
      const odd = words.find((word) => !/^[^=]+=./.test(word));
      if (odd !== undefined) {
        throw new UsageError(`"${odd}" is no WORD=VALUE: write it like voters=5 or dead-after=10s`);
      }
      return onMembership(command, (operator, context) => operator.setPolicy(context, words));
    });
}

function addTools(program: Command): void {
  program
    .command('inspect')
    .argument('<data-dir>', 'the data folder of a server that is stopped')
    .description("print a stopped server's log as JSON lines")
    .addHelpText('after', examples('inspect data/server1', 'inspect data/server1 | tail -n 3'))
    .action(async (dataDir: string) => {
      const { inspectFolder } = await import('../server/inspect.js');
      const isSound = await inspectFolder(dataDir, sayJson);
      if (!isSound)
        throw new CommandError(`the log in ${dataDir} is damaged, see the rows of type damage`);
    });
  program
    .command('shell')
    .description('an interactive client with history and completion')
    .addHelpText('after', examples('shell', 'shell -t localhost:5556'))
    .action(async (_options: unknown, command: Command) => {
      const { runShell } = await import('./shell.js');
      await runShell(command.optsWithGlobals<GlobalOptions>());
    });
}

/** From package.json, which lies two folders up, in the sources as in what is built from them. */
function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
