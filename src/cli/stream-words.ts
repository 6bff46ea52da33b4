/**
 * The words of `quorate stream …`: streams as a whole. What they do is in stream-commands.ts.
 */

import type { Command } from 'commander';
import { readAge, readCount } from './arguments.js';
import { type CommandContext, type GlobalOptions, withClient } from './context.js';
import { UsageError } from './faults.js';
import { examples } from './help-text.js';

type StreamCommands = typeof import('./stream-commands.js');

/** Runs one of the commands. */
async function onStream(
  command: Command,
  run: (commands: StreamCommands, context: CommandContext) => Promise<void>,
): Promise<void> {
  const commands = await import('./stream-commands.js');
  await withClient(command.optsWithGlobals<GlobalOptions>(), (context) => run(commands, context));
}

/** Adds the commands. */
export function addStream(program: Command): void {
  const stream = program
    .command('stream')
    .description('list streams; seal one, open its next view, trim it, set what it keeps');
  addLooks(stream);
  addViews(stream);
  addKeeping(stream);
}

/** What only looks. */
function addLooks(stream: Command): void {
  stream
    .command('ls')
    .argument('[prefix]', 'only streams whose names begin so', '')
    .description('list streams by name, and how each stands')
    .option('--limit <n>', 'streams at most (default: all)', readCount)
    .option('--stale', 'what the asked server has, without asking the leader')
    .addHelpText('after', examples('stream ls', 'stream ls orders/ --json'))
    .action((prefix: string, flags: { limit?: number; stale?: true }, command: Command) => {
      const words = { prefix, limit: flags.limit ?? null, stale: flags.stale === true };
      return onStream(command, (commands, context) => commands.listStreams(context, words));
    });
  stream
    .command('info')
    .argument('<name>', 'a stream')
    .description('show how a stream stands: its ends, views, fence and retention')
    .option('--stale', 'what the asked server has, without asking the leader')
    .addHelpText('after', examples('stream info log', 'stream info orders --json'))
    .action((name: string, flags: { stale?: true }, command: Command) =>
      onStream(command, (commands, context) =>
        commands.showStream(context, name, flags.stale === true),
      ),
    );
}

function addViews(stream: Command): void {
  stream
    .command('seal')
    .argument('<name>', 'a stream; one that does not exist is made, empty')
    .description('close the newest view of a stream for ever: it takes no more records')
    .option('--view <n>', 'only if this is the newest view', readCount)
    .addHelpText('after', examples('stream seal orders', 'stream seal orders --view 2'))
    .action((name: string, flags: { view?: number }, command: Command) =>
      onStream(command, (commands, context) => commands.seal(context, name, flags.view ?? null)),
    );
  stream
    .command('open-view')
    .argument('<name>', 'a stream')
    .description('open the view behind a sealed one')
    .requiredOption('--after <n>', 'the newest view, which is sealed', readCount)
    .addHelpText('after', examples('stream open-view orders --after 1'))
    .action((name: string, { after }: { after: number }, command: Command) =>
      onStream(command, (commands, context) => commands.openView(context, name, after)),
    );
}

interface RetentionFlags {
  readonly records?: number;
  readonly bytes?: number;
  readonly age?: number;
  readonly none?: true;
}

function addKeeping(stream: Command): void {
  stream
    .command('trim')
    .argument('<name>', 'a stream')
    .description('forget the records below a sequence number')
    .requiredOption('--before <seq>', 'the first record to keep', readCount)
    .addHelpText('after', examples('stream trim orders --before 1000'))
    .action((name: string, { before }: { before: number }, command: Command) =>
      onStream(command, (commands, context) => commands.trim(context, name, before)),
    );
  stream
    .command('retention')
    .argument('<name>', 'a stream; one that does not exist is made, empty')
    .description('show what a stream keeps, or set it: what is not given is no limit')
    .option('--records <n>', 'keep so many records at most', readCount)
    .option(
      '--bytes <n>',
      'keep so many bytes of records at most, and always the last one',
      readCount,
    )
    .option('--age <time>', 'keep records for so long, such as 90s, 10m, 2h or 7d', readAge)
    .option('--none', 'take all limits away')
    .addHelpText(
      'after',
      examples('stream retention orders', 'stream retention orders --records 10000 --age 7d'),
    )
    .action((name: string, flags: RetentionFlags, command: Command) => {
      const { records, bytes, age, none } = flags;
      const isGiven = records !== undefined || bytes !== undefined || age !== undefined;
      if (isGiven && none === true)
        throw new UsageError('--none takes all limits away: give it alone');
      const limits = {
        ...(records === undefined ? {} : { recordsMax: records }),
        ...(bytes === undefined ? {} : { bytesMax: bytes }),
        ...(age === undefined ? {} : { ageMillisMax: age }),
      };
      return onStream(command, (commands, context) =>
        isGiven || none === true
          ? commands.setRetention(context, name, limits)
          : commands.showRetention(context, name),
      );
    });
}
