/**
 * Histories written in one line, for the tables of the judges' tests:
 * `begin-end words`, parted by semicolons; `?` as end or as reply: not known.
 * Keys: `put a @3` · `cas 2 b @3` or `cas 2 b !` (conflict) · `del @3`, `del none @3`,
 * `delif 2 @3` or `delif 2 !` · `get a @3`, `get -`, with `/5` the store's revision behind it.
 * A word `k:` before the verb names the key (or stream); without one it is `k:`.
 * Streams: `add x,y @1` · `read 1 x,y /3` (from, records, next sequence), `-` for no record.
 */

import type { KeyCall, KeyOperation, KeyReply } from './key-history.js';
import type { StreamCall, StreamOperation, StreamReply } from './stream-history.js';

interface Line {
  readonly begun: number;
  readonly ended: number | null;
  readonly name: string;
  readonly verb: string;
  readonly words: readonly string[];
  /** The word that begins with this sign, without it. */
  readonly sign: (sign: string) => number | null;
}

function linesOf(text: string): readonly Line[] {
  return text.split(';').map((part) => {
    const [times, ...words] = part.trim().split(/\s+/);
    const [begun, ended] = times!.split('-');
    const name = words[0]!.endsWith(':') ? words.shift()! : 'k:';
    return {
      begun: Number(begun),
      ended: ended === '?' ? null : Number(ended),
      name,
      verb: words[0]!,
      words: words.slice(1),
      sign: (sign) => {
        const word = words.find((each) => each.startsWith(sign));
        return word === undefined ? null : Number(word.slice(1));
      },
    };
  });
}

function keyCallOf({ verb, words }: Line): KeyCall {
  switch (verb) {
    case 'get':
      return { op: 'get' };
    case 'put':
      return { op: 'put', value: words[0]!, expected: null };
    case 'cas':
      return { op: 'put', value: words[1]!, expected: Number(words[0]) };
    case 'del':
      return { op: 'delete', expected: null };
    case 'delif':
      return { op: 'delete', expected: Number(words[0]) };
    default:
      throw new Error(`no such verb: ${verb}`);
  }
}

function keyReplyOf({ verb, words, ended, sign }: Line): KeyReply | null {
  if (ended === null) return null;
  if (words.includes('!')) return { kind: 'conflict' };
  const revision = sign('@') ?? 0;
  if (verb === 'get') {
    const found = words[0] === '-' ? null : { value: words[0]!, modRevision: revision };
    return { kind: 'got', revision: sign('/'), found };
  }
  if (verb === 'put' || verb === 'cas') return { kind: 'put', revision };
  return { kind: 'deleted', revision, count: words.includes('none') ? 0 : 1 };
}

/** A history of keys. */
export function keyHistory(text: string): readonly KeyOperation[] {
  return linesOf(text).map((line, client) => {
    const { begun, ended, name: key } = line;
    return { client, key, begun, ended, call: keyCallOf(line), reply: keyReplyOf(line) };
  });
}

function listOf(word: string): readonly string[] {
  return word === '-' ? [] : word.split(',');
}

function streamReplyOf({ verb, words, ended, sign }: Line): StreamReply | null {
  if (ended === null) return null;
  if (verb === 'add') return { kind: 'appended', firstSeq: sign('@')! };
  return { kind: 'records', records: listOf(words[1]!), nextSeq: sign('/')! };
}

/** A history of streams. */
export function streamHistory(text: string): readonly StreamOperation[] {
  return linesOf(text).map((line, client) => {
    const { begun, ended, name: stream, verb, words } = line;
    const call: StreamCall =
      verb === 'add'
        ? { op: 'append', records: listOf(words[0]!) }
        : { op: 'read', fromSeq: Number(words[0]) };
    return { client, stream, begun, ended, call, reply: streamReplyOf(line) };
  });
}
