/**
 * The frame of a run with real servers that a person started: whatever ends it (its end, a failure,
 * Ctrl-C, a terminal that closes), its servers are ended, their folders removed, and the exit code
 * says how it went: 0 well, 1 with the reason and the last log lines, 130 interrupted.
 */

import * as fs from 'node:fs';
import { type ServerProcess, Servers, within } from '../process/servers.js';
import { Teller } from './teller.js';

/** Every signal that ends a run, with the exit code that shells expect. */
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Ending servers and closing clients takes a fraction of it; what is left then is ended hard. */
const endMillisMax = 5000;

/** What a play works with. */
export class Scene {
  readonly teller = new Teller();
  readonly #all: Servers[] = [];

  /** A set of servers that is ended with the scene. */
  servers(flags: readonly string[] = []): Servers {
    const servers = new Servers(flags);
    this.#all.push(servers);
    return servers;
  }

  /** The last log lines of the servers started last. */
  tails(): string {
    return (this.#all.at(-1)?.all ?? [])
      .map((server) => `--- ${server.name}, last log lines\n${server.tail()}`)
      .join('\n');
  }

  /** Ends all servers, removes their folders and ends this process. */
  async exit(code: number): Promise<never> {
    const stopped = Promise.all(this.#all.map((servers) => servers.stopAll()));
    await within(endMillisMax, 'the end', stopped).catch((error: Error) => {
      this.teller.fail(error.message, '');
    });
    // A server that the play started meanwhile: from here on nothing else runs in this process.
    for (const server of this.#processes()) server.signal('SIGKILL');
    for (const { folder } of this.#all) fs.rmSync(folder, { recursive: true, force: true });
    process.exit(code);
  }

  #processes(): readonly ServerProcess[] {
    return this.#all.flatMap(({ all }) => all);
  }
}

/** Plays, and ends the process. `millisMax` bounds the whole. */
export async function play(millisMax: number, work: (scene: Scene) => Promise<void>) {
  const scene = new Scene();
  let isInterrupted = false;
  for (const [signal, code] of Object.entries(signals)) {
    process.on(signal, () => {
      if (isInterrupted) return;
      isInterrupted = true;
      scene.teller.fail('interrupted: ending the servers', '');
      void scene.exit(code);
    });
  }
  process.on('uncaughtException', (error) => {
    if (isInterrupted) return;
    isInterrupted = true;
    scene.teller.fail(`a mistake of this program: ${error.stack}`, scene.tails());
    void scene.exit(1);
  });
  try {
    await within(millisMax, 'the whole run', work(scene));
  } catch (error) {
    // An interrupted play fails at whatever it was doing; that is no news.
    if (isInterrupted) return;
    scene.teller.fail(error instanceof Error ? error.message : String(error), scene.tails());
    return scene.exit(1);
  }
  if (!isInterrupted) await scene.exit(0);
}
