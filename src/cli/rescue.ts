/**
 * `quorate members rescue`: rebuilds a cluster that has lost its majority for good, from the data
 * folder of a stopped voter. It asks whoever still answers, says what may be lost, and does nothing
 * without the operator's word: `--yes`, or the name of the cluster typed on a terminal.
 */

import type { Command } from 'commander';
import type { AnsweredStatus, Rescued, RescueReport, SurvivorFolder } from '../server/rescue.js';
import { type GlobalOptions, say, sayJson, secretOf, splitTargets } from './context.js';
import { CommandError, UsageError } from './faults.js';
import { printable } from './printable.js';

/** How long each server is waited for when --timeout says nothing else, milliseconds. */
const askMillisDefault = 3000;

interface RescueOptions extends GlobalOptions {
  readonly data: string;
  readonly yes?: true;
}

/** Adds the command. */
export function addRescue(members: Command): void {
  members
    .command('rescue')
    .description('rebuild a cluster that lost its majority for good, from a stopped voter')
    .requiredOption('--data <dir>', 'the data folder of that voter')
    .option('--yes', 'do it; without, it asks on a terminal, and else changes nothing')
    .addHelpText('after', rescueHelp)
    .action((_options: unknown, command: Command) =>
      rescue(command.optsWithGlobals<RescueOptions>()),
    );
}

const rescueHelp = `
Servers that still run are asked where their logs end: those that the data folder remembers, and
those of -t. It refuses while there is a leader, while a majority can be had, or when one of them
has a more advanced log. The old data folder is kept aside.

Examples:
  quorate members rescue --data data/server3
  quorate members rescue --data data/server3 -t 10.0.0.4:5555 --yes`;

async function rescue(options: RescueOptions): Promise<void> {
  const { openSurvivor } = await import('../server/rescue.js');
  const survivor = await openSurvivor(options.data);
  try {
    const answers = await askOthers(options, survivor);
    const report = survivor.report(answers.filter((answer) => answer !== null));
    if (options.json !== true) {
      const silent = answers.filter((answer) => answer === null).length;
      say(reportText(report, silent));
    }
    if (report.refusal !== null) throw new CommandError(printable(report.refusal));
    await confirm(options, report);
    // Whoever had to be asked took his time: the others may have come back meanwhile.
    const latest = options.yes === true ? answers : await askOthers(options, survivor);
    const rescued = await survivor.rebuild(latest.filter((answer) => answer !== null));
    if (options.json === true) sayJson({ ...report, rescued });
    else say(doneText(options.data, report, rescued));
  } finally {
    await survivor.close();
  }
}

/** Asks each address for itself; null where nobody answered. */
async function askOthers(
  options: RescueOptions,
  survivor: SurvivorFolder,
): Promise<readonly (AnsweredStatus | null)[]> {
  const { connect, settleTargets } = await import('../client/connect.js');
  const named = options.targets ?? splitTargets(process.env['QUORATE_TARGETS'] ?? '');
  let targets: readonly string[];
  try {
    targets = settleTargets(named);
  } catch (error) {
    throw new UsageError(`-t ${named.join(',')}: ${(error as Error).message}`);
  }
  const secret = await secretOf(options);
  const timeoutMillis = options.timeout ?? askMillisDefault;
  const ask = async (target: string): Promise<AnsweredStatus | null> => {
    try {
      const client = await connect({
        targets: [target],
        timeoutMillis,
        preferLeader: false,
        ...secret,
      });
      try {
        return await client.status({ timeoutMillis });
      } finally {
        await client.close();
      }
    } catch {
      return null;
    }
  };
  return Promise.all([...new Set([...targets, ...survivor.addresses])].map(ask));
}

async function confirm({ yes, json }: RescueOptions, { cluster }: RescueReport): Promise<void> {
  if (yes === true) return;
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  if (!isTerminal || json === true) {
    throw new CommandError('nothing was changed; repeat the command with --yes to do it');
  }
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  terminal.once('SIGINT', () => terminal.close());
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  const question = 'To do it, type the name of the cluster: ';
  const typed = await Promise.race([terminal.question(question), closed]);
  terminal.close();
  if (typed.trim() !== cluster) throw new CommandError('nothing was changed');
}

function reportText(report: RescueReport, silent: number): string {
  const { asked, voters, joint } = report;
  const majority = joint
    ? 'a majority of the old and of the new ones is needed'
    : `${Math.floor(voters.length / 2) + 1} of ${voters.length} are needed`;
  const addresses = silent === 1 ? '1 address' : `${silent} addresses`;
  return [
    `cluster     ${printable(report.cluster)} (${report.clusterId})`,
    `this folder ${printable(report.name)}, member ${report.memberId}, ${report.role}, term ${report.term}`,
    `its log     up to entry ${report.lastIndex} of term ${report.lastTerm}`,
    `voters      ${printable(voters.join(', '))}: ${majority} (configuration ${report.configurationIndex})`,
    ...asked.map((each) => `answered    ${answerText(each)}`),
    ...(silent > 0 ? [`silent      nobody answers at ${addresses}`] : []),
    ...(report.refusal === null
      ? report.losses.map(
          (line, at) => `${at === 0 ? 'may be lost' : '           '} ${printable(line)}`,
        )
      : []),
  ].join('\n');
}

function answerText({ name, cluster, lastTerm, lastIndex }: RescueReport['asked'][number]): string {
  const where = {
    same: `log up to entry ${lastIndex} of term ${lastTerm}`,
    other: 'in another cluster',
    none: 'in no cluster yet',
  };
  return `${printable(name)}: ${where[cluster]}`;
}

function doneText(
  data: string,
  report: RescueReport,
  { clusterId, index, aside }: Rescued,
): string {
  const name = printable(report.name);
  return [
    `done: ${name} is the only voter of a new cluster ${clusterId}, from log entry ${index} on`,
    `start it on ${data} as before; the folder as it was is kept in ${aside}`,
    'the other servers of the old cluster are strangers now: to take one in, move its data folder',
    `away and start it with ${name} as its peer; never start the old majority again beside it`,
  ].join('\n');
}
