/**
 * What this process says of its own life (wire/hello.ts): its word, and whether anybody may have
 * listened to it. A frame is sent on a link that is up and on no other, so who never had one has
 * made no promise to anybody.
 */

import type { Hello } from '../wire/hello.js';

/** See the head of the file. */
export class OwnLife {
  readonly #word: string | null;
  #wasHeard = false;

  /** @param word null: it tells nothing of its life. */
  constructor(word: string | null) {
    this.#word = word;
  }

  /** The owner's greeting with the life in it. */
  greeting(hello: Hello): Hello {
    return this.#word === null
      ? hello
      : { ...hello, life: { word: this.#word, heard: this.#wasHeard } };
  }

  /** A link is up. True when that changes what the greeting says. */
  linked(): boolean {
    const isNews = this.#word !== null && !this.#wasHeard;
    this.#wasHeard = true;
    return isNews;
  }
}
