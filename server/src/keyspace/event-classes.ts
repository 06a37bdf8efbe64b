/**
 * The classes of `notify-keyspace-events` as one letter and one bit each. `A` stands for all classes of commands (not
 * for K and E, the channels; nor for m and n, misses and new keys).
 */

export const EventClass = {
  keyspace: 1 << 0,
  keyevent: 1 << 1,
  generic: 1 << 2,
  string: 1 << 3,
  list: 1 << 4,
  set: 1 << 5,
  hash: 1 << 6,
  sortedSet: 1 << 7,
  expired: 1 << 8,
  evicted: 1 << 9,
  stream: 1 << 10,
  keyMiss: 1 << 11,
  loaded: 1 << 12,
  module: 1 << 13,
  newKey: 1 << 14,
} as const;

const LETTERS: readonly (readonly [letter: string, bit: number])[] = [
  ["g", EventClass.generic],
  ["$", EventClass.string],
  ["l", EventClass.list],
  ["s", EventClass.set],
  ["h", EventClass.hash],
  ["z", EventClass.sortedSet],
  ["x", EventClass.expired],
  ["e", EventClass.evicted],
  ["t", EventClass.stream],
  ["d", EventClass.module],
  ["n", EventClass.newKey],
  ["K", EventClass.keyspace],
  ["E", EventClass.keyevent],
  ["m", EventClass.keyMiss],
];

const COMMAND_CLASSES = 10;
const ALL = LETTERS.slice(0, COMMAND_CLASSES).reduce((flags, [, bit]) => flags | bit, 0);

const HIDDEN_BY_ALL = COMMAND_CLASSES + 1;

/** The bits, or undefined if a letter is unknown. */
export function parseEventClasses(text: string): number | undefined {
  let flags = 0;
  for (const letter of text) {
    const bit = letter === "A" ? ALL : LETTERS.find(([candidate]) => candidate === letter)?.[1];
    if (bit === undefined) return undefined;
    flags |= bit;
  }
  return flags;
}

/** Redis does not print `n` beside `A`, and neither do we. */
export function formatEventClasses(flags: number): string {
  const isAll = (flags & ALL) === ALL;
  const letters = LETTERS.filter(([, bit], index) => (flags & bit) !== 0 && !(isAll && index < HIDDEN_BY_ALL)).map(
    ([letter]) => letter,
  );
  return (isAll ? "A" : "") + letters.join("");
}
