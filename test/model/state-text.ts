/**
 * The state of a server, an entry and a message as text: equal exactly when they are the same to
 * everything that can follow. Member ids go through `as`, so that states which differ by a swap of
 * servers can be told to be one. Of time nothing is left but what the present tick has done.
 */

import type { Leading } from '../../src/raft/leading.js';
import type { Message } from '../../src/raft/messages.js';
import type { Configuration, Entry, MemberId } from '../../src/raft/types.js';
import type { ModelServer } from './model-server.js';
import { type PlainLog, type PlainProgress, stateOf } from './plain-core.js';

/** Names members: the identity, or one of their swaps. */
export type Renaming = (id: MemberId) => MemberId;

function idsText(ids: readonly MemberId[], as: Renaming): string {
  return ids
    .map(as)
    .sort((a, b) => a - b)
    .join(' ');
}

function configurationText(configuration: Configuration, as: Renaming): string {
  const { voters, votersOutgoing, learners, learnersNext } = configuration;
  return [voters, votersOutgoing, learners, learnersNext].map((ids) => idsText(ids, as)).join('/');
}

/** An entry. */
export function entryText(entry: Entry, as: Renaming): string {
  const { index, term, data, configuration } = entry;
  const what = configuration === null ? data.join() : `{${configurationText(configuration, as)}}`;
  return `${index}.${term}.${what}`;
}

function entriesText(entries: readonly Entry[], as: Renaming): string {
  return entries.map((entry) => entryText(entry, as)).join(',');
}

/** A message. */
export function messageText(message: Message, as: Renaming): string {
  const { type, from, to, term, ...rest } = message;
  const head = `${type} ${as(from)} ${as(to)} ${term}`;
  if (message.type !== 'append') return `${head} ${Object.values(rest).join()}`;
  const { sequence, prevIndex, prevTerm, commit, entries } = message;
  return `${head} ${sequence} ${prevIndex}.${prevTerm} ${commit} ${entriesText(entries, as)}`;
}

function progressText(progress: PlainProgress, now: number, as: Renaming): string {
  const { match, next, state, sequence, floor, probeSent, sentCommit, forgottenSequence } =
    progress;
  const window: number[] = [];
  for (let i = 0; i < progress._count; i++) {
    window.push(progress._lastIndexes[(progress._head + i) % progress._window.messagesMax] ?? 0);
  }
  const check = progress.lossCheckSequence;
  const times = [
    progress.heardTick > Number.NEGATIVE_INFINITY,
    progress.sentTick === now,
    check === 0 ? 0 : Math.min(now - progress.lossCheckTick, 60),
  ];
  const counts = [match, next, state, sequence, floor, probeSent, sentCommit, forgottenSequence];
  const room = [progress._allowed, ...window];
  return `${as(progress.id)}:${[...counts, check, ...times, ...room].join()}`;
}

function leadingText(leading: Leading, now: number, as: Renaming): string {
  const { firstIndex, alone, followers } = leading;
  const all = [...followers.values()].map((one) => progressText(one as PlainProgress, now, as));
  return `${firstIndex} ${alone} ${all.sort().join(';')}`;
}

/** A server. */
export function serverText(server: ModelServer, as: Renaming): string {
  const { hardState, durable, image, writes, held, appliedIndex } = server;
  const state = stateOf(server.core);
  const votes = [...state.votes].map(([id, granted]) => `${as(id)}${granted ? '+' : '-'}`).sort();
  const nobodyAs = (id: MemberId): MemberId => (id === 0 ? 0 : as(id));
  return [
    `${hardState.term} ${nobodyAs(hardState.vote)} ${entriesText(durable, as)}`,
    entriesText(image, as),
    writes
      .map(({ hardState: hard, truncateFrom, entries, lastIndex, lastTerm }) =>
        [
          hard === null ? '-' : `${hard.term}.${nobodyAs(hard.vote)}`,
          `${truncateFrom} ${lastIndex}.${lastTerm} ${entriesText(entries, as)}`,
        ].join(),
      )
      .join(';'),
    held
      .map(({ need, message }) => `${need} ${messageText(message, as)}`)
      .sort()
      .join(';'),
    `${state.term} ${nobodyAs(state.vote)} ${state.role} ${nobodyAs(state.leader)}`,
    `${state.commit} ${state.applied} ${appliedIndex} ${state.log.persisted} ${votes.join()}`,
    (state.log as PlainLog)._writes
      .map(({ index, term, cutFrom }) => `${index}.${term}.${cutFrom}`)
      .join(),
    state.leading === null ? '' : leadingText(state.leading, state.now, as),
  ].join('|');
}
