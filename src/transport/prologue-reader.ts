/**
 * Reads the agreement on a protocol as it arrives and says when it is over, or what is wrong with
 * it: length-prefixed texts, each with a line end, until one is an accepted protocol. It keeps at
 * most one text that is not complete, and answers nothing: libp2p negotiates, this file only knows
 * what an honest negotiation can be. Source: multistream-select 1.0.0.
 */

/** Longest text, bytes, with its line end: what libp2p itself allows. */
const textBytesMax = 1024;

/** Texts of one agreement: two are needed; others ask for a few protocols in turn. */
const textsMax = 16;

const lineEnd = 10;
const continues = 0x80;
const nothing = new Uint8Array(0);

/** What either side says first when they agree on a protocol, as it stands on the wire. */
export const agreementOpening: Uint8Array = new TextEncoder().encode('\x13/multistream/1.0.0\n');

/** Whether `bytes`, the first of a connection, begin so, as far as they go. */
export function opensAgreement(bytes: Uint8Array): boolean {
  const head = agreementOpening.subarray(0, bytes.length);
  return head.every((byte, i) => byte === bytes[i]);
}

/** See the head of the file. */
export class PrologueReader {
  readonly #accepted: readonly string[];
  /** The beginning of a text whose end has not come. */
  #partial: Uint8Array = nothing;
  #texts = 0;
  #fault: string | null = null;

  /** @param accepted protocols in ASCII, without the line end */
  constructor(accepted: readonly string[]) {
    this.#accepted = accepted;
  }

  /** What is wrong, in one line; null as long as nothing is. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Takes what arrived. True: an accepted protocol was named, and what follows is not read. */
  read(chunk: Uint8Array): boolean {
    const bytes = this.#partial.length === 0 ? chunk : joined(this.#partial, chunk);
    let at = 0;
    while (at < bytes.length) {
      const first = bytes[at] as number;
      let length = first;
      let begin = at + 1;
      if ((first & continues) !== 0) {
        if (begin === bytes.length) break;
        const second = bytes[begin] as number;
        if ((second & continues) !== 0) return this.#refuse('a length that does not end');
        length = (first & ~continues) + second * continues;
        begin += 1;
      }
      if (length === 0) return this.#refuse('an empty text');
      if (length > textBytesMax) return this.#refuse(`a text of ${length} bytes`);
      const end = begin + length;
      if (end > bytes.length) break;
      if (bytes[end - 1] !== lineEnd) return this.#refuse('a text without a line end');
      if (this.#isAccepted(bytes, begin, end - 1)) return true;
      this.#texts += 1;
      if (this.#texts >= textsMax) return this.#refuse(`no protocol of ours in ${textsMax} texts`);
      at = end;
    }
    // A copy, which `slice` of Node's buffers is not: a view would keep all that arrived.
    this.#partial = at === bytes.length ? nothing : new Uint8Array(bytes.subarray(at));
    return false;
  }

  #isAccepted(bytes: Uint8Array, begin: number, end: number): boolean {
    for (const protocol of this.#accepted) {
      if (protocol.length === end - begin && isText(bytes, begin, protocol)) return true;
    }
    return false;
  }

  #refuse(fault: string): false {
    this.#fault = `no agreement on a protocol: ${fault}`;
    return false;
  }
}

function isText(bytes: Uint8Array, begin: number, text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    if (bytes[begin + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const both = new Uint8Array(head.length + tail.length);
  both.set(head);
  both.set(tail, head.length);
  return both;
}
