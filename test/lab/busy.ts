/**
 * How busy this machine is: what its cores did between two looks. Numbers of a lab mean little
 * without it, for all servers of a lab share the cores, with whatever else runs.
 */

import * as os from 'node:os';

/** Shares of the time of all cores, 0 to 1. */
export interface Busy {
  /** Anything but idle. */
  readonly all: number;
  /** By processes that yield to others (nice): not the lab's own. */
  readonly nice: number;
  /** Processes that ran or waited for a core, on average over the last minute. */
  readonly load: number;
}

type CoreTimes = readonly Pick<os.CpuInfo, 'times'>[];

/** What the cores did since then. */
export function busySince(
  before: CoreTimes,
  now: CoreTimes = os.cpus(),
  load = os.loadavg()[0] ?? 0,
): Busy {
  const sum = (cores: CoreTimes, of: (times: os.CpuInfo['times']) => number): number =>
    cores.reduce((total, { times }) => total + of(times), 0);
  const grown = (of: (times: os.CpuInfo['times']) => number): number =>
    sum(now, of) - sum(before, of);
  const all = grown(({ user, nice, sys, idle, irq }) => user + nice + sys + idle + irq);
  const share = (part: number): number => (all === 0 ? 0 : part / all);
  return {
    all: share(all - grown(({ idle }) => idle)),
    nice: share(grown(({ nice }) => nice)),
    load,
  };
}

/** As one line for people. */
export function busyText({ all, nice, load }: Busy): string {
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  const others = nice < 0.01 ? '' : `, ${percent(nice)} by others' work at a lower priority`;
  return `${os.cpus().length} cores, ${percent(all)} busy${others}; load ${load.toFixed(1)}`;
}
