/**
 * Network namespaces of this machine that are the lab's, and the tools that make them (iproute2,
 * nsenter). Every name carries its maker: process id and the moment that process was born. So what
 * a crashed maker left can be told from what a living one uses, and is removed, with the processes
 * in it, at the next start. Nothing else of the machine is ever touched.
 */

import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/** Something that this machine cannot do: the scenario is skipped, and says so. */
export class Lacking extends Error {}

const prefix = 'quorate-lab';
const pattern = /^quorate-lab-(\d+)-(\d+)-/;
/** No call of a tool takes longer, milliseconds: the kernel answers at once or never. */
const toolMillis = 10_000;
/** How long the logs of a lab that failed are kept, milliseconds. */
const logsMillis = 3_600_000;

/** Runs a tool to its end. @throws Error with what the tool said. */
export function runTool(
  file: string,
  words: readonly string[],
  input: string | null = null,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, words, { timeout: toolMillis }, (error, out, told) => {
      if (error === null) return resolve(out);
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        return reject(new Error(`${file} is not installed (make lab-deps)`));
      }
      const why = told.trim().split('\n')[0] || error.message;
      reject(new Error(`${file} ${words.join(' ')}: ${why}`));
    });
    child.stdin?.on('error', () => {}); // It ended without reading: its exit code says why.
    child.stdin?.end(input ?? '');
  });
}

/** When a process was born, in ticks since the machine was: a reused id has another; null: none. */
function birthOf(pid: number): string | null {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name, in brackets, may hold anything; the 20th field behind it is the birth.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null; // It is gone.
  }
}

let labs = 0;

/** A name for all that a new lab of this process makes. */
export function newLabName(): string {
  labs += 1;
  return `${prefix}-${process.pid}-${birthOf(process.pid)}-${labs}`;
}

function isStale(name: string): boolean {
  const found = pattern.exec(name);
  return found !== null && birthOf(Number(found[1])) !== found[2];
}

/** The words that run a command in a namespace, in front of it. */
export function inside(namespace: string): readonly string[] {
  return ['nsenter', `--net=/run/netns/${namespace}`, '--'];
}

/** Processes that run in a namespace. */
export async function pidsInside(namespace: string): Promise<readonly number[]> {
  const out = await runTool('ip', ['netns', 'pids', namespace]);
  return out.split('\n').filter(Boolean).map(Number);
}

/** Ends every process in a namespace, and removes it. */
export async function removeNamespace(namespace: string): Promise<void> {
  for (const pid of await pidsInside(namespace)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  await runTool('ip', ['netns', 'del', namespace]);
}

/** Where a lab keeps the data and logs of its servers. */
export function labFolder(name: string): string {
  return path.join(os.tmpdir(), name);
}

/** Removes what makers left that are no more: namespaces, processes in them, folders of old. */
export async function removeStale(): Promise<void> {
  const listed = await runTool('ip', ['netns', 'list']);
  const names = listed.split('\n').map((line) => line.split(' ')[0] ?? '');
  for (const name of names.filter(isStale)) {
    await removeNamespace(name).catch((error: Error) => {
      // Another lab that starts now removes it too: whoever is first does.
      if (fs.existsSync(`/run/netns/${name}`)) throw error;
    });
  }
  for (const name of fs.readdirSync(os.tmpdir()).filter(isStale)) {
    const folder = labFolder(name);
    const { mtimeMs } = fs.statSync(folder, { throwIfNoEntry: false }) ?? { mtimeMs: 0 };
    // Another lab may remove it at the same moment.
    if (Date.now() - mtimeMs > logsMillis) fs.rmSync(folder, { recursive: true, force: true });
  }
}
