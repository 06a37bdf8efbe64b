/** The `user` lines of the configuration file: users that are there from the start. */

import type { AccessControl } from "./access-control.ts";
import { mergeSelectorWords } from "./rule-words.ts";
import { hasSpaces, RULE_ERRORS } from "./selector-rules.ts";

/** Takes the users in; gives the name and the mistake of the first line that makes no sense. */
export function applyUserDirectives(
  control: AccessControl,
  lines: readonly (readonly string[])[],
): { readonly name: string; readonly reason: string } | undefined {
  const seen = new Set<string>();
  for (const [name = "", ...words] of lines) {
    if (hasSpaces(name)) return { name, reason: "Username contains invalid characters" };
    if (seen.has(name)) return { name, reason: RULE_ERRORS.duplicateUser };
    seen.add(name);
    const merged = mergeSelectorWords(words);
    if ("unmatched" in merged) return { name, reason: `Unmatched parenthesis in '${merged.unmatched}'` };
    const user = control.newUser(name);
    for (const rule of merged.rules) {
      const reason = user.apply(rule);
      if (reason !== undefined) return { name, reason };
    }
    control.put(user);
  }
  return undefined;
}
