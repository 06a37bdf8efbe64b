/** The ACL categories of a command: most follow from its flags and its group, a few are named in its row. */

import type { CommandRow } from "./command.ts";

/** In the order in which Redis lists them. */
export const ACL_CATEGORIES = [
  "keyspace",
  "read",
  "write",
  "set",
  "sortedset",
  "list",
  "hash",
  "string",
  "bitmap",
  "hyperloglog",
  "geo",
  "stream",
  "pubsub",
  "admin",
  "fast",
  "slow",
  "blocking",
  "dangerous",
  "connection",
  "transaction",
  "scripting",
] as const;

export type AclCategory = (typeof ACL_CATEGORIES)[number];

const CATEGORY_OF_GROUP: Readonly<Record<string, AclCategory>> = {
  generic: "keyspace",
  string: "string",
  list: "list",
  set: "set",
  "sorted-set": "sortedset",
  hash: "hash",
  bitmap: "bitmap",
  hyperloglog: "hyperloglog",
  geo: "geo",
  stream: "stream",
  scripting: "scripting",
  transactions: "transaction",
  connection: "connection",
};

const NOT_OF_KEYS: readonly string[] = ["connection", "list"];

export function aclCategories(row: CommandRow): AclCategory[] {
  const has = (flag: CommandRow["flags"][number]): boolean => row.flags.includes(flag);
  const isContainer = row.subcommands !== undefined && row.flags.length === 0;
  // WAIT concerns the connection and SORT its types, not keys as such.
  const isKeyless = row.group === "generic" && row.categories?.some((name) => NOT_OF_KEYS.includes(name)) === true;
  const groupCategory = isContainer || isKeyless ? undefined : CATEGORY_OF_GROUP[row.group];
  const own = new Set<string>(row.categories);
  if (groupCategory !== undefined) own.add(groupCategory);
  if (has("write")) own.add("write");
  if (has("readonly") && row.group !== "scripting") own.add("read");
  if (has("admin")) own.add("admin").add("dangerous");
  if (has("pubsub")) own.add("pubsub");
  if (has("blocking")) own.add("blocking");
  own.add(has("fast") ? "fast" : "slow");
  return ACL_CATEGORIES.filter((category) => own.has(category));
}
