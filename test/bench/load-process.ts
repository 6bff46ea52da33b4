/**
 * The bench's end of a load process: starts it, gives it orders and waits for its news, each wait
 * with a bound. A load process ends with `end`, or with this process.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { within } from '../process/servers.js';
import type { LoadCommand, LoadNews, LoadOrder, LoadResult } from './load-messages.js';

type NewsOf<T extends LoadNews['type']> = Extract<LoadNews, { type: T }>;

const program = fileURLToPath(new URL('./load.ts', import.meta.url));

/** One load process. */
export class LoadProcess {
  readonly #child: ChildProcess = fork(program, { execArgv: ['--import', 'tsx'] });
  #take: (news: LoadNews) => void = () => {};
  /** Why the load failed, whether or not anybody waited for news then. */
  #failure: string | null = null;

  constructor() {
    this.#child.on('message', (news: LoadNews) => this.#heard(news));
    this.#child.once('exit', (code, signal) => {
      this.#heard({ type: 'failed', reason: `the load process ended (${code ?? signal})` });
    });
  }

  /** Measures one point; `counting` is called when the measured time begins and when it ends. */
  async measure(order: LoadOrder, counting: () => void): Promise<LoadResult> {
    const millisMax = order.warmMillis + order.measuredMillis + 30_000;
    await this.#expect('begins', millisMax, order);
    counting();
    const { result } = await this.#expect('ends', millisMax);
    counting();
    return result;
  }

  /** Sends a command and waits for the news that answers it. @throws Error when the load fails. */
  tell<T extends LoadNews['type']>(command: LoadCommand, answer: T): Promise<NewsOf<T>> {
    return this.#expect(answer, 30_000, command);
  }

  end(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  #heard(news: LoadNews): void {
    if (news.type === 'failed') this.#failure ??= news.reason;
    this.#take(news);
  }

  #expect<T extends LoadNews['type']>(
    type: T,
    millisMax: number,
    command?: LoadCommand,
  ): Promise<NewsOf<T>> {
    const news = new Promise<NewsOf<T>>((resolve, reject) => {
      this.#take = (one) => {
        if (this.#failure !== null) reject(new Error(`the load failed: ${this.#failure}`));
        else if (one.type === type) resolve(one as NewsOf<T>);
      };
    });
    if (this.#failure !== null) this.#take({ type: 'failed', reason: this.#failure });
    else if (command !== undefined) this.#child.send(command);
    return within(millisMax, `the load says "${type}"`, news);
  }
}
