/**
 * What the operator wants of the membership: plain data that the planner reads, and the words that
 * people write it in, such as `voters=5 dead-after=10s`. Every wait is in milliseconds of the
 * leader's monotonic clock.
 *
 * Invariant: a policy without faults by `checkPolicy` never asks for an even number of voters, nor
 * for fewer than its least.
 */

/** The operator's wishes. */
export interface MembershipPolicy {
  /** How many voters to rest at when there are members enough; odd. @default 5 */
  readonly votersWanted: number;
  /** Below so many voters the planner never goes by itself, nor by a removal without `force`; odd.
   * @default 3 */
  readonly votersLeast: number;
  /** How long a learner must have been well, and a leader have led, before it counts. @default
   * 5000 */
  readonly stabilisationMillis: number;
  /** How many entries a learner may lag and still be called caught up. @default 4096 */
  readonly lagEntriesMax: number;
  /** How many learners may catch up at once; more applicants wait. @default 3 */
  readonly learnersCatchingUpMax: number;
  /** How long a member must have been silent, by every witness, to be called dead: then a stand-by
   * takes a voter's place. @default 10_000 */
  readonly deadAfterMillis: number;
  /** How long members must have been dead before voters are shrunk without stand-bys, and before a
   * dead learner is put out. @default 3_600_000 */
  readonly shrinkAfterMillis: number;
  /** A learner that answers and has made no progress for so long is put out. @default 300_000 */
  readonly stuckAfterMillis: number;
}

/** A part of a policy, as an entry of the log sets it: plain data; what it leaves out stays. */
export type PolicyEntry = Partial<MembershipPolicy>;

/** Words read, or everything that is wrong with them, one line each. */
export type ParsedPolicy =
  | { readonly ok: true; readonly entry: PolicyEntry }
  | { readonly ok: false; readonly faults: readonly string[] };

/** Five voters, promoted after five seconds of good health, replaced after ten of silence. */
export const defaultPolicy: MembershipPolicy = Object.freeze({
  votersWanted: 5,
  votersLeast: 3,
  stabilisationMillis: 5000,
  lagEntriesMax: 4096,
  learnersCatchingUpMax: 3,
  deadAfterMillis: 10_000,
  shrinkAfterMillis: 3_600_000,
  stuckAfterMillis: 300_000,
});

/** The most voters that may be wanted: beyond it each more costs speed and saves next to nothing. */
const votersMax = 7;

/** A month, milliseconds: the longest wait. */
const waitMillisMax = 30 * 24 * 3_600_000;

interface Word {
  readonly field: keyof MembershipPolicy;
  readonly kind: 'count' | 'duration';
  readonly least: number;
  readonly most: number;
}

/**
 * Every word of a policy with its bounds. A second is the least for calling somebody dead: an
 * election and the way back to a lost link take that long.
 */
const words: ReadonlyMap<string, Word> = new Map<string, Word>([
  ['voters', { field: 'votersWanted', kind: 'count', least: 1, most: votersMax }],
  ['least', { field: 'votersLeast', kind: 'count', least: 1, most: votersMax }],
  [
    'stabilisation',
    { field: 'stabilisationMillis', kind: 'duration', least: 0, most: waitMillisMax },
  ],
  ['lag-entries', { field: 'lagEntriesMax', kind: 'count', least: 1, most: 1e9 }],
  ['catching-up', { field: 'learnersCatchingUpMax', kind: 'count', least: 1, most: 64 }],
  ['dead-after', { field: 'deadAfterMillis', kind: 'duration', least: 1000, most: waitMillisMax }],
  [
    'shrink-after',
    { field: 'shrinkAfterMillis', kind: 'duration', least: 1000, most: waitMillisMax },
  ],
  [
    'stuck-after',
    { field: 'stuckAfterMillis', kind: 'duration', least: 1000, most: waitMillisMax },
  ],
]);

/** The word of each field: the same table the other way round. */
const wordOf: ReadonlyMap<keyof MembershipPolicy, string> = new Map(
  [...words].map(([word, { field }]) => [field, word]),
);

/** Units of a duration, milliseconds, the largest first. */
const units: readonly (readonly [string, number])[] = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** `base` with what `entry` sets. */
export function mergePolicy(base: MembershipPolicy, entry: PolicyEntry): MembershipPolicy {
  return { ...base, ...entry };
}

/**
 * Reads what a person wrote: words such as `voters=5`, `dead-after=10s`. Each is judged by itself;
 * how they fit together with what is in force is `checkPolicy`'s.
 */
export function parsePolicy(texts: readonly string[]): ParsedPolicy {
  const entry: Record<string, number> = {};
  const faults: string[] = [];
  for (const text of texts) {
    const read = readWord(text);
    if (typeof read === 'string') faults.push(read);
    else if (read.field in entry) faults.push(`${wordOf.get(read.field)} is given twice`);
    else entry[read.field] = read.value;
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, entry };
}

/**
 * As `parsePolicy`, for words that another version may have put into the log: what this version
 * does not understand is passed over, so that it neither halts nor takes the rest for lost.
 */
export function readPolicy(texts: readonly string[]): PolicyEntry {
  const entry: Record<string, number> = {};
  for (const text of texts) {
    const read = readWord(text);
    if (typeof read !== 'string') entry[read.field] = read.value;
  }
  return entry;
}

/** The words of a policy, or of a part of one: `parsePolicy` reads them back to the same. */
export function formatPolicy(policy: PolicyEntry): readonly string[] {
  const texts: string[] = [];
  for (const [word, { field, kind }] of words) {
    const value = policy[field];
    if (value === undefined) continue;
    texts.push(`${word}=${kind === 'count' ? value : formatDuration(value)}`);
  }
  return texts;
}

/** Everything that is wrong with a whole policy, one line each with a way out; empty: nothing. */
export function checkPolicy(policy: MembershipPolicy): readonly string[] {
  const faults: string[] = [];
  for (const [word, { field, kind, least, most }] of words) {
    const fault = boundsFault(word, kind, policy[field], { least, most });
    if (fault !== null) faults.push(fault);
  }
  const { votersWanted, votersLeast, deadAfterMillis, shrinkAfterMillis, stuckAfterMillis } =
    policy;
  if (votersWanted % 2 === 0) faults.push(`voters=${votersWanted} is even: give 1, 3, 5 or 7`);
  if (votersLeast % 2 === 0) faults.push(`least=${votersLeast} is even: give 1, 3, 5 or 7`);
  if (votersLeast > votersWanted) {
    faults.push(`least=${votersLeast} is more than voters=${votersWanted}: lower it too`);
  }
  const dead = formatDuration(deadAfterMillis);
  for (const [word, millis] of [
    ['shrink-after', shrinkAfterMillis],
    ['stuck-after', stuckAfterMillis],
  ] as const) {
    if (millis >= deadAfterMillis) continue;
    faults.push(`${word}=${formatDuration(millis)} is shorter than dead-after=${dead}`);
  }
  return faults;
}

/** A wait as people write it: `10s`, `1h`, `1500ms`. */
export function formatDuration(millis: number): string {
  for (const [unit, size] of units) {
    if (millis >= size && millis % size === 0) return `${millis / size}${unit}`;
  }
  return `${Math.round(millis)}ms`;
}

/** A field and its value, or one line saying what is wrong with the text. */
function readWord(
  text: string,
): { readonly field: keyof MembershipPolicy; readonly value: number } | string {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  const word = words.get(name);
  if (word === undefined) {
    return `"${name}" is no word of a policy; there are ${[...words.keys()].join(', ')}`;
  }
  const { field, kind } = word;
  const value = at < 0 ? null : readValue(kind, text.slice(at + 1));
  if (value === null) {
    const example = kind === 'count' ? `${name}=5` : `${name}=10s (or ms, m, h)`;
    return `"${text}" is not understood: write it like ${example}`;
  }
  return boundsFault(name, kind, value, word) ?? { field, value };
}

/** A whole number, or a wait in milliseconds; null: neither. */
function readValue(kind: Word['kind'], text: string): number | null {
  const match = /^(\d{1,12})(ms|s|m|h)?$/.exec(text);
  if (match === null) return null;
  const [, digits, unit] = match;
  if (kind === 'count') return unit === undefined ? Number(digits) : null;
  const size = units.find(([name]) => name === unit)?.[1];
  return size === undefined ? null : Number(digits) * size;
}

function boundsFault(
  word: string,
  kind: Word['kind'],
  value: number,
  { least, most }: Pick<Word, 'least' | 'most'>,
): string | null {
  if (Number.isInteger(value) && value >= least && value <= most) return null;
  const show = (bound: number): string =>
    kind === 'count' ? String(bound) : formatDuration(bound);
  return `${word}=${show(value)} is out of bounds: ${show(least)} to ${show(most)}`;
}
