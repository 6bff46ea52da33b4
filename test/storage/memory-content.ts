/**
 * One file's content on a disk in memory: what reads see, what is really on disk, and the writes
 * since the last sync, of which a crash keeps each sector as it will.
 */

const sector = 512;

/** What becomes of one unsynced sector, or of an unsynced name, at a crash. */
export type Fate = 'old' | 'new' | 'zero';

interface Write {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** One file's content; names point to it. */
export interface Content {
  /** What reads see. */
  bytes: Uint8Array;
  size: number;
  /** What is on disk. */
  durable: Uint8Array;
  durableSize: number;
  unsynced: Write[];
}

/** The bytes of some parts, one behind the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A content that is on disk whole. */
export function durableContent(bytes: Uint8Array): Content {
  const size = bytes.length;
  return { bytes, size, durable: bytes.slice(), durableSize: size, unsynced: [] };
}

/** Cuts a content, or lets it grow by zeros; for reads. */
export function resize(content: Content, size: number): void {
  if (size > content.bytes.length) {
    const bytes = new Uint8Array(Math.max(size, content.bytes.length * 2));
    bytes.set(content.bytes.subarray(0, content.size));
    content.bytes = bytes;
  } else if (size < content.size) {
    content.bytes.fill(0, size, content.size);
  }
  content.size = size;
}

/** Puts the unsynced writes, and the size, on disk. */
export function settle(content: Content): void {
  if (content.durable.length < content.size) {
    const grown = new Uint8Array(content.bytes.length);
    grown.set(content.durable.subarray(0, content.durableSize));
    content.durable = grown;
  }
  for (const { position, bytes } of content.unsynced) {
    const end = Math.min(position + bytes.length, content.size);
    if (end > position) content.durable.set(bytes.subarray(0, end - position), position);
  }
  content.durableSize = content.size;
  content.unsynced = [];
}

/** What is left of a file: each sector that an unsynced write touched has a fate of its own. */
export function crashed(content: Content, fate: (what: string) => Fate): Content {
  if (content.unsynced.length === 0 && content.size === content.durableSize) {
    return durableContent(content.durable.slice(0, content.durableSize));
  }
  const size = fate('size') === 'old' ? content.durableSize : content.size;
  const after = new Uint8Array(size);
  after.set(content.durable.subarray(0, Math.min(size, content.durableSize)));
  const touched = new Set<number>();
  for (const { position, bytes } of content.unsynced) {
    const last = Math.floor((position + bytes.length - 1) / sector);
    for (let s = Math.floor(position / sector); s <= last; s++) touched.add(s);
  }
  for (const s of [...touched].sort((a, b) => a - b)) {
    const from = s * sector;
    if (from >= size) continue;
    const end = Math.min(size, from + sector);
    const what = fate(`sector ${s}`);
    if (what === 'new') after.set(content.bytes.subarray(from, end), from);
    else if (what === 'zero') after.fill(0, from, end);
  }
  return durableContent(after);
}
