/**
 * The words of the commands about records: `append`, `query`, `read` and `follow`. What they do is
 * in append.ts, query.ts and read.ts.
 */

import type { Command } from 'commander';
import { readCount, readSince, readWhole } from './arguments.js';
import { type GlobalOptions, withClient } from './context.js';
import { UsageError } from './faults.js';
import { examples } from './help-text.js';

/** Adds the commands. */
export function addLog(program: Command): void {
  addAppend(program);
  addQuery(program);
  addRead(program);
  addFollow(program);
}

interface AppendFlags {
  readonly content?: string;
  readonly stream: string;
  readonly expectSeq?: number;
  readonly fence?: number;
  readonly view?: number;
}

function addAppend(program: Command): void {
  program
    .command('append')
    .argument('[data]', 'the record, if not given by -c')
    .description('append a record to the log, or every line of standard input')
    .option('-c, --content <data>', 'the record; "-": one record for each line of standard input')
    .option('-s, --stream <name>', 'the stream to append to', 'log')
    .option('--expect-seq <n>', 'only if the (first) record gets this sequence number', readCount)
    .option('--fence <n>', 'only if no greater fencing token was used on the stream', readCount)
    .option('--view <n>', 'only if this view of the stream is open', readCount)
    .addHelpText(
      'after',
      examples(
        'append -c hello',
        'append -c - < records.txt',
        'append --json -c hello',
        'append -c hello --expect-seq 4',
        'append -c hello -s orders --fence 7 --view 2',
      ),
    )
    .action(async (data: string | undefined, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & AppendFlags>();
      const content = options.content ?? data;
      if (content === undefined)
        throw new UsageError('append what? Give -c DATA, or -c - for standard input');
      if (options.content !== undefined && data !== undefined)
        throw new UsageError('append takes DATA or -c DATA, not both');
      const { appendLines, appendOne } = await import('./append.js');
      const { stream, expectSeq, fence, view } = options;
      const conditions = {
        stream,
        ...(expectSeq === undefined ? {} : { expectSeq }),
        ...(fence === undefined ? {} : { fence }),
        ...(view === undefined ? {} : { view }),
      };
      await withClient(options, (context) =>
        content === '-'
          ? appendLines(context, process.stdin, conditions)
          : appendOne(context, content, conditions),
      );
    });
}

interface QueryFlags {
  readonly stream: string;
  readonly from?: number;
  readonly limit?: number;
  readonly follow?: true;
  readonly stale?: true;
}

function addQuery(program: Command): void {
  program
    .command('query')
    .description('list the records of the log with sequence number, term and data')
    .option('--from <seq>', 'first sequence number wanted (default: the first kept)', readCount)
    .option('--limit <n>', 'records at most (default: all)', readWhole)
    .option('-f, --follow', 'go on with records to come, until Ctrl-C')
    .option('-s, --stream <name>', 'the stream to list', 'log')
    .option('--stale', 'what the asked server has, without asking the leader')
    .addHelpText('after', examples('query', 'query --from 100 --limit 10', 'query --follow --json'))
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & QueryFlags>();
      const { query } = await import('./query.js');
      await withClient(options, (context) =>
        query(context, {
          stream: options.stream,
          from: options.from ?? null,
          limit: options.limit ?? null,
          follow: options.follow === true,
          stale: options.stale === true,
        }),
      );
    });
}

interface ReadFlags {
  readonly stream: string;
  readonly from?: number;
  /** Milliseconds since 1970. */
  readonly since?: number;
  readonly reverse?: true;
  readonly limit?: number;
  readonly stale?: true;
}

function addRead(program: Command): void {
  program
    .command('read')
    .description('list the records of a stream with sequence number, time and data')
    .option('--from <seq>', 'where to begin (default: the first kept)', readCount)
    .option(
      '--since <time>',
      'begin at this time, such as 10m (ago) or 2026-11-20T06:00Z',
      readSince,
    )
    .option('-r, --reverse', 'backwards: from the last, from --from, or from before --since')
    .option('--limit <n>', 'records at most (default: all)', readCount)
    .option('-s, --stream <name>', 'the stream to read', 'log')
    .option('--stale', 'what the asked server has, without asking the leader')
    .addHelpText(
      'after',
      examples('read --limit 10', 'read --reverse --limit 10', 'read -s orders --since 10m'),
    )
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & ReadFlags>();
      if (options.from !== undefined && options.since !== undefined)
        throw new UsageError('read begins --from a sequence number or --since a time, not both');
      const { readRecords } = await import('./read.js');
      await withClient(options, (context) =>
        readRecords(context, {
          stream: options.stream,
          from: options.from ?? null,
          sinceMillis: options.since ?? null,
          backwards: options.reverse === true,
          limit: options.limit ?? null,
          stale: options.stale === true,
        }),
      );
    });
}

function addFollow(program: Command): void {
  program
    .command('follow')
    .description('list the records of a stream and those to come, until Ctrl-C')
    .option('--from <seq>', 'where to begin (default: the first kept)', readCount)
    .option('--limit <n>', 'end after so many records', readCount)
    .option('-s, --stream <name>', 'the stream to follow', 'log')
    .addHelpText('after', examples('follow', 'follow -s orders --from 100 --json'))
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & ReadFlags>();
      const { followRecords } = await import('./read.js');
      await withClient(options, (context) =>
        followRecords(context, {
          stream: options.stream,
          from: options.from ?? null,
          limit: options.limit ?? null,
        }),
      );
    });
}
