/**
 * The lab's end of an agent: starts it in a host and calls it, each call with a bound. An agent
 * ends with `end`, with the lab's namespaces, or with this process.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { within } from '../process/servers.js';
import type { AgentAnswer, AgentCalls } from './agent-calls.js';

const program = fileURLToPath(new URL('./agent.ts', import.meta.url));
/** The loader is found from the agent's place: a host has no other working folder. */
const loader = import.meta.resolve('tsx');

interface Waiting {
  readonly resolve: (give: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** One agent. */
export class AgentProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  #isOver = false;

  /** @param prefix the words that run a command in the agent's host. */
  constructor(prefix: readonly string[]) {
    const [file, ...words] = [...prefix, process.execPath, '--import', loader, program];
    this.#child = spawn(file as string, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (answer: AgentAnswer) => this.#answered(answer));
    this.#child.once('error', (error) => this.#over(error.message));
    this.#child.once('exit', (code, signal) => this.#over(String(code ?? signal)));
  }

  /** @throws Error with what the agent was told, or when it gives no answer in time. */
  call<Call extends keyof AgentCalls>(
    call: Call,
    ask: AgentCalls[Call]['ask'],
    millis = 60_000,
  ): Promise<AgentCalls[Call]['give']> {
    if (this.#isOver) return Promise.reject(new Error(`${call}: the agent has ended`));
    const id = ++this.#asked;
    const given = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#child.send({ id, call, ask });
    return within(millis, `the agent's ${call}`, given) as Promise<AgentCalls[Call]['give']>;
  }

  end(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  #answered(answer: AgentAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('fault' in answer) waiting?.reject(new Error(answer.fault));
    else waiting?.resolve(answer.give);
  }

  #over(why: string): void {
    this.#isOver = true;
    for (const { reject } of this.#waiting.values()) reject(new Error(`the agent ended (${why})`));
    this.#waiting.clear();
  }
}
