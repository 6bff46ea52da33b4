/**
 * The commands of the shell. Each gives the text to show. The client is opened by the first command
 * that needs one and kept; `connect` changes where it goes.
 */

import type { Client } from '../client/client.js';
import type { ConnectOptions } from '../client/options.js';
import { membersText, statusText } from './cluster-commands.js';
import { splitTargets } from './context.js';
import { UsageError } from './faults.js';
import { printableBytes } from './printable.js';
import { headLine } from './query.js';
import { place } from './read.js';
import { sealedText, streamsText, streamText } from './stream-commands.js';

/** The key that `write`, `read` and `guess` are about. */
const guessedKey = 'value';
const queryRecordsDefault = 100;

type Run = (shell: ShellCommands, rest: string) => Promise<string>;

const commands: Readonly<Record<string, { readonly help: string; readonly run: Run }>> = {
  connect: {
    help: 'connect HOST:PORT[,…]   talk to these servers',
    run: (shell, rest) => shell.connect(rest),
  },
  write: {
    help: 'write VALUE             write the value',
    run: (shell, rest) => shell.write(rest),
  },
  read: { help: 'read                    read the value', run: (shell) => shell.read() },
  guess: {
    help: 'guess VALUE             is this the value that was written last?',
    run: (shell, rest) => shell.guess(rest),
  },
  append: {
    help: 'append TEXT             append a record to the stream in use',
    run: (shell, rest) => shell.append(rest),
  },
  query: {
    help: 'query [FROM [LIMIT]]    list records of the stream in use',
    run: (shell, rest) => shell.query(rest),
  },
  use: {
    help: 'use STREAM              which stream to use; at first it is log',
    run: (shell, rest) => shell.use(rest),
  },
  info: {
    help: 'info                    how the stream in use stands',
    run: (shell) => shell.info(),
  },
  streams: {
    help: 'streams [PREFIX]        list streams',
    run: (shell, rest) => shell.streams(rest),
  },
  seal: {
    help: 'seal [VIEW]             close the newest view of the stream in use for ever',
    run: (shell, rest) => shell.seal(rest),
  },
  'open-view': {
    help: 'open-view AFTER         open the view behind the sealed view AFTER',
    run: (shell, rest) => shell.openView(rest),
  },
  trim: {
    help: 'trim SEQ                forget the records below SEQ',
    run: (shell, rest) => shell.trim(rest),
  },
  status: {
    help: 'status                  how the cluster stands',
    run: (shell) => shell.status(),
  },
  members: { help: 'members                 who is in it', run: (shell) => shell.members() },
  help: {
    help: 'help                    this list',
    run: async () => {
      const lines = Object.values(commands).map((command) => command.help);
      return [...lines, 'exit                    leave'].join('\n');
    },
  },
};

/** What can be typed, for completion. */
export const commandNames: readonly string[] = [...Object.keys(commands), 'exit'];

/** The state of a shell: where it is connected. */
export class ShellCommands {
  #targets: readonly string[];
  readonly #options: Omit<ConnectOptions, 'targets'>;
  #client: Promise<Client> | null = null;
  #stream = 'log';

  constructor(targets: readonly string[], options: Omit<ConnectOptions, 'targets'>) {
    this.#targets = targets;
    this.#options = options;
  }

  /** Runs one line. @throws UsageError for words it does not know; what the client throws. */
  run(line: string): Promise<string> {
    const [, name = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(line) ?? [];
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!command) return Promise.reject(new UsageError(`"${name}" is no command; see help`));
    return command.run(this, rest);
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    const connected = await client?.catch(() => null);
    await connected?.close();
  }

  async connect(rest: string): Promise<string> {
    const targets = splitTargets(rest);
    if (targets.length === 0) throw new UsageError('connect where? connect HOST:PORT');
    await this.close();
    this.#targets = targets;
    const client = await this.#connected();
    return `connected to ${client.address}`;
  }

  async write(value: string): Promise<string> {
    if (value === '') throw new UsageError('write what? write VALUE');
    const client = await this.#connected();
    const result = await client.put(guessedKey, value);
    return `written, revision ${result.revision}`;
  }

  async read(): Promise<string> {
    const pair = await (await this.#connected()).get(guessedKey);
    return pair === null ? 'nothing was written yet' : printableBytes(pair.value);
  }

  async guess(value: string): Promise<string> {
    if (value === '') throw new UsageError('guess what? guess VALUE');
    const pair = await (await this.#connected()).get(guessedKey);
    if (pair === null) return 'nothing was written yet';
    return Buffer.from(value).equals(pair.value) ? 'yes, that is the value' : 'no, it is another';
  }

  async append(text: string): Promise<string> {
    if (text === '') throw new UsageError('append what? append TEXT');
    const client = await this.#connected();
    const result = await client.append(text, { stream: this.#stream });
    return `sequence ${result.seq}, index ${result.index}, term ${result.term}`;
  }

  async query(rest: string): Promise<string> {
    const words = rest.split(/\s+/).filter(Boolean).map(Number);
    const isSound = words.every((value) => Number.isSafeInteger(value) && value >= 1);
    if (!isSound || words.length > 2) throw new UsageError('query [FROM [LIMIT]], whole numbers');
    const [from = null, limit = queryRecordsDefault] = words;
    const client = await this.#connected();
    const found = await client.read({ stream: this.#stream, limit, ...place(from) });
    const lines = found.records.map(
      (record) => `  ${record.seq}  term ${record.term}  ${printableBytes(record.data)}`,
    );
    return [headLine(found), ...lines].join('\n');
  }

  async use(rest: string): Promise<string> {
    if (rest === '') throw new UsageError('use which stream? use STREAM');
    this.#stream = rest;
    return '';
  }

  async info(): Promise<string> {
    const stream = this.#stream;
    return streamText(stream, await (await this.#connected()).tail({ stream }));
  }

  async streams(prefix: string): Promise<string> {
    const { streams, more } = await (await this.#connected()).streams({ prefix });
    const text = await streamsText(streams);
    return more ? `${text}\nand more: streams PREFIX lists fewer` : text;
  }

  async seal(rest: string): Promise<string> {
    const only = rest === '' ? {} : { view: count(rest, 'seal [VIEW]') };
    const client = await this.#connected();
    return sealedText((await client.seal({ stream: this.#stream, ...only })).state);
  }

  async openView(rest: string): Promise<string> {
    const after = count(rest, 'open-view AFTER');
    const client = await this.#connected();
    const { state } = await client.openView(after, { stream: this.#stream });
    return `view ${after + 1} is open, it begins at ${state.nextSeq}`;
  }

  async trim(rest: string): Promise<string> {
    const beforeSeq = count(rest, 'trim SEQ');
    const client = await this.#connected();
    const { state } = await client.trim(beforeSeq, { stream: this.#stream });
    return `the first record that is kept is ${state.firstSeq}`;
  }

  async status(): Promise<string> {
    return statusText(await (await this.#connected()).status());
  }

  async members(): Promise<string> {
    return membersText(await (await this.#connected()).status());
  }

  /** The client, opened when it is first needed; one that could not be opened is tried anew. */
  async #connected(): Promise<Client> {
    if (!this.#client) {
      const { connect } = await import('../client/connect.js');
      this.#client = connect({ ...this.#options, targets: this.#targets });
    }
    try {
      return await this.#client;
    } catch (error) {
      this.#client = null;
      throw error;
    }
  }
}

/** A number from 1 on that a command was given. @throws UsageError for anything else. */
function count(word: string, usage: string): number {
  const value = Number(word);
  if (word !== '' && Number.isSafeInteger(value) && value >= 1) return value;
  throw new UsageError(`${usage}, a whole number from 1 on`);
}
