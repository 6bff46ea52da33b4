/**
 * Mutants of the rule that no two processes of one data folder are heard as one member, and that a
 * restart is none of that.
 */

import type { Mutant } from './mutant.js';

const rule = 'src/transport/clone-watch.ts';
const rows = 'transport/clone-watch.test.ts';
const sockets = 'transport/clones.test.ts';

/** Rules of copies, each broken. */
export const cloneMutants: readonly Mutant[] = [
  {
    name: 'clone-without-proof',
    traps: [],
    file: rule,
    from: '    this.#ask(waiting);\n    return false;\n',
    to: '    for (const old of this.#rivals(connection)) this.#proved(old, connection);\n    return false;\n',
    killer: { file: rows, test: 'another life waits' },
    why: 'a server that restarts before the end of its old connection was seen is turned away',
  },
  {
    name: 'undecided-newcomer-heard',
    traps: [],
    file: rule,
    from: '    this.#ask(waiting);\n    return false;\n',
    to: '    this.#ask(waiting);\n    return true;\n',
    killer: { file: sockets, test: 'one that waits is not heard' },
    why: 'two processes vote as one member',
  },
  {
    name: 'old-answer-proves-a-clone',
    traps: [],
    file: rule,
    from: 'question >= own && isRival',
    to: 'isRival',
    killer: { file: rows, test: 'a question from before the greeting' },
    why: 'the last word of a process that died is taken for a sign that it lives',
  },
  {
    name: 'newcomer-waits-for-ever',
    traps: [],
    file: rule,
    from: '    this.#waiting = this.#waiting.filter((waiting) => waiting.connection !== connection);\n    this.#settle();\n',
    to: '    this.#waiting = this.#waiting.filter((waiting) => waiting.connection !== connection);\n',
    killer: { file: sockets, test: 'vanished without a word' },
    why: 'a server that lost its power comes back and nobody lets it in',
  },
  {
    name: 'one-of-two-that-spoke-is-kept',
    traps: [],
    file: rule,
    from: '    if (second.heard) this.#refuse(first, reason);\n    else if (isNews)',
    to: '    if (isNews)',
    killer: { file: rows, test: 'somebody listened neither' },
    why: 'a member goes on that does not know how its other process voted',
  },
  {
    name: 'clone-hides-that-it-was-heard',
    traps: [],
    file: 'src/transport/libp2p-transport.ts',
    from: '        if (this.#life.linked()) this.#tellHeard();\n',
    to: '',
    killer: { file: sockets, test: 'both listened to' },
    why: 'a copy that has voted is taken for one that has not',
  },
  {
    name: 'stranger-ends-a-server',
    traps: [],
    file: 'src/replica/clone-alarm.ts',
    from: 'members().find(({ peerId }) => peerId === peer);',
    to: 'members().find(({ peerId }) => peerId !== peer);',
    killer: { file: 'replica/clone-alarm.test.ts', test: 'a stranger is not believed' },
    why: 'whoever answers at an address can end a server',
  },
  {
    name: 'refused-clone-goes-on',
    traps: [],
    file: 'src/replica/clone-alarm.ts',
    from: '    ranTwice(`',
    to: '    void (`',
    killer: { file: 'replica/clone-alarm.test.ts', test: 'it says so once and ends' },
    why: 'a copy runs on, and is heard as soon as the first one stops',
  },
  {
    name: 'folder-that-ran-twice-opened',
    traps: [],
    file: 'src/server/data-folder.ts',
    from: '  refuseRanTwice(path, identity.incarnation);\n',
    to: '',
    killer: { file: 'server/ran-twice.test.ts', test: 'is not opened' },
    why: 'a supervisor starts an old copy again until it passes for a restart',
  },
];
