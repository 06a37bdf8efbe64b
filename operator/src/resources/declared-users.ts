/**
 * Users of spec.auth.users as `user` lines of redis.conf, for the Secret that servers read when they start: with hashes, no
 * password. The lines there are the memory of what was declared, and a list of names that of who was declared once.
 */

import { type DeclaredUsers, decodeData, type Manifest } from "./manifest.ts";
import { AUTH_FILE, quoteDirective } from "./server-config.ts";

export const NO_USERS: DeclaredUsers = { lines: new Map(), removed: [] };

export const REMOVED_USERS_KEY = "removed-users";
/** Names are remembered for good; should it be more, the first are forgotten. */
const MOST_REMOVED = 256;
/** Needs no quotes. */
const PLAIN = /^[-+@~&%#|:*.a-zA-Z0-9]+$/;
const LINE = /^user ([^ ]+) .*$/;

export function userLine(name: string, words: readonly string[]): string {
  return ["user", name, ...words.map((word) => (PLAIN.test(word) ? word : quoteDirective(word)))].join(" ");
}

/** What the Secret of the servers says. */
export function declaredUsersOf(secret: Manifest | undefined): DeclaredUsers {
  const lines = (decodeData(secret?.data, AUTH_FILE) ?? "").split("\n").flatMap((line): [string, string][] => {
    const [, name] = LINE.exec(line) ?? [];
    return name === undefined ? [] : [[name, line]];
  });
  const removed = (decodeData(secret?.data, REMOVED_USERS_KEY) ?? "").split(" ").filter((name) => name !== "");
  return { lines: new Map(lines), removed };
}

/** Those that were declared before and are not now. */
export function removedUsers(before: DeclaredUsers, declared: readonly string[]): readonly string[] {
  const once = [...new Set([...before.removed, ...before.lines.keys()])];
  return once.filter((name) => !declared.includes(name)).slice(-MOST_REMOVED);
}
