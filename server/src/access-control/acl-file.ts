/**
 * The text of the file that `aclfile` names: a line `user name rule rule …` for each user, nothing else. A file with any
 * mistake is refused as a whole, with all its mistakes named.
 */

import type { AccessControl } from "./access-control.ts";
import { mergeSelectorWords } from "./rule-words.ts";
import { hasSpaces } from "./selector-rules.ts";
import type { User } from "./user.ts";

/** Where the file is; the text is latin1. Both throw what the system says. */
export interface AclFile {
  readonly path: string;
  read(): string;
  write(text: string): void;
}

export function formatAclFile(users: readonly User[]): string {
  return users.map((user) => `${describeUserLine(user)}\n`).join("");
}

/** As in files and in ACL LIST. */
export function describeUserLine(user: User): string {
  return `user ${user.name} ${user.describe()}`;
}

/** The users of the text, or what is wrong with it. */
export function parseAclFile(text: string, path: string, control: AccessControl): User[] | string {
  const users = new Map<string, User>();
  const mistakes: string[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.replace(/^[ \t\r]+|[ \t\r]+$/g, "");
    if (line === "") continue;
    const [keyword, name = "", ...words] = line.split(" ");
    if (keyword !== "user" || name === "") {
      mistakes.push(`${path}:${index + 1} should start with user keyword followed by the username. `);
    } else if (hasSpaces(name)) {
      mistakes.push(`'${path}:${index + 1}: username '${name}' contains invalid characters. `);
    } else if (users.has(name)) {
      mistakes.push(`WARNING: Duplicate user '${name}' found on line ${index + 1}. `);
    } else {
      const user = control.newUser(name);
      users.set(name, user);
      const mistake = applyWords(user, words);
      if (mistake !== undefined) mistakes.push(`${path}:${index + 1}: ${mistake}`);
    }
  }
  if (mistakes.length === 0) return [...users.values()];
  return `${mistakes.join("")}WARNING: ACL errors detected, no change to the previously active ACL rules was performed`;
}

function applyWords(user: User, words: readonly string[]): string | undefined {
  const merged = mergeSelectorWords(words.filter((word) => word !== ""));
  if ("unmatched" in merged) return "Unmatched parenthesis in selector definition.";
  for (const rule of merged.rules) {
    const error = user.apply(rule.trim());
    if (error !== undefined) return `${error}. `;
  }
  return undefined;
}
