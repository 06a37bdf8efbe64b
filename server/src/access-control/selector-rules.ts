/** The rules that change a selector: commands, categories, keys, channels. The texts of refusals are Redis'. */

import type { CommandCatalogue } from "./command-catalogue.ts";
import { KeyPermission, type Selector } from "./selector.ts";

/** Why a rule is none; the words follow "Error in ACL SETUSER modifier 'rule': ". */
export const RULE_ERRORS = {
  syntax: "Syntax error",
  unknownCommand: "Unknown command or category name in ACL",
  firstArgumentOfSubcommand: "Allowing first-arg of a subcommand is not supported",
  keyAfterAll:
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns",
  channelAfterAll:
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels",
  noSuchPassword: "The password you are trying to remove from the user does not exist",
  badHash: "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters",
  duplicateUser: "Duplicate user found. A user can only be defined once in config files",
} as const;

/** Undefined: done. */
export type RuleError = (typeof RULE_ERRORS)[keyof typeof RULE_ERRORS] | undefined;

type WordRule = (selector: Selector) => void;

const WORDS: ReadonlyMap<string, WordRule> = new Map<string, WordRule>([
  ["allkeys", (selector) => selector.setAllKeys(true)],
  ["~*", (selector) => selector.setAllKeys(true)],
  ["resetkeys", (selector) => selector.setAllKeys(false)],
  ["allchannels", (selector) => selector.setAllChannels(true)],
  ["&*", (selector) => selector.setAllChannels(true)],
  ["resetchannels", (selector) => selector.setAllChannels(false)],
  ["allcommands", (selector) => selector.setAllCommands(true)],
  ["+@all", (selector) => selector.setAllCommands(true)],
  ["nocommands", (selector) => selector.setAllCommands(false)],
  ["-@all", (selector) => selector.setAllCommands(false)],
]);

export function applySelectorRule(selector: Selector, rule: string, catalogue: CommandCatalogue): RuleError {
  if (rule === "") return undefined;
  const word = WORDS.get(rule.toLowerCase());
  if (word !== undefined) {
    word(selector);
    return undefined;
  }
  switch (rule[0]) {
    case "~":
      return addKeys(selector, rule.slice(1), KeyPermission.all);
    case "%":
      return addKeysWithPermissions(selector, rule);
    case "&":
      return addChannels(selector, rule.slice(1));
    case "+":
    case "-":
      return changeCommands(selector, rule, catalogue);
    default:
      return RULE_ERRORS.syntax;
  }
}

/** Spaces as C's isspace has them, and zero bytes: they would not survive a line of a file. */
export function hasSpaces(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0 || code === 32 || (code >= 9 && code <= 13)) return true;
  }
  return false;
}

function addKeys(selector: Selector, pattern: string, permissions: number): RuleError {
  if (selector.allowsAllKeys) return RULE_ERRORS.keyAfterAll;
  if (hasSpaces(pattern)) return RULE_ERRORS.syntax;
  selector.addKeyPattern(pattern, permissions);
  return undefined;
}

/** `%R~pattern`: each letter once, in any order and case. Without a `~` the pattern is empty, as in Redis. */
function addKeysWithPermissions(selector: Selector, rule: string): RuleError {
  if (selector.allowsAllKeys) return RULE_ERRORS.keyAfterAll;
  const parts = /^%(r|w|rw|wr)(~|$)/i.exec(rule);
  if (parts === null) return RULE_ERRORS.syntax;
  const [prefix, letters] = parts as unknown as [string, string];
  const reads = /r/i.test(letters) ? KeyPermission.read : 0;
  const writes = /w/i.test(letters) ? KeyPermission.write : 0;
  return addKeys(selector, rule.slice(prefix.length), reads | writes);
}

function addChannels(selector: Selector, pattern: string): RuleError {
  if (selector.allowsAllChannels) return RULE_ERRORS.channelAfterAll;
  if (hasSpaces(pattern)) return RULE_ERRORS.syntax;
  selector.addChannelPattern(pattern);
  return undefined;
}

function changeCommands(selector: Selector, rule: string, catalogue: CommandCatalogue): RuleError {
  const isAllowed = rule.startsWith("+");
  const name = rule.slice(1);
  if (name.startsWith("@")) {
    const category = name.slice(1).toLowerCase();
    const ids = catalogue.idsOf(category);
    if (ids === undefined) return RULE_ERRORS.unknownCommand;
    selector.setCategory(category, ids, isAllowed);
    return undefined;
  }
  const bar = name.lastIndexOf("|");
  if (isAllowed && bar >= 0) return allowPart(selector, name.slice(0, bar), name.slice(bar + 1), catalogue);
  const id = catalogue.idOf(name);
  if (id === 0) return RULE_ERRORS.unknownCommand;
  selector.setCommand(id, isAllowed);
  return undefined;
}

/** `+config|get` is a command of its own, `+select|0` the first argument that lets an otherwise refused command pass. */
function allowPart(selector: Selector, name: string, part: string, catalogue: CommandCatalogue): RuleError {
  const id = catalogue.idOf(name);
  if (id === 0) return RULE_ERRORS.unknownCommand;
  if (catalogue.isSubcommand(id)) return RULE_ERRORS.firstArgumentOfSubcommand;
  if (part === "") return RULE_ERRORS.syntax;
  if (catalogue.subcommandsOf(id).length === 0) {
    selector.allowFirstArgument(id, part);
    return undefined;
  }
  const subcommand = catalogue.idOf(`${name}|${part}`);
  if (subcommand === 0) return RULE_ERRORS.unknownCommand;
  selector.setCommand(subcommand, true);
  return undefined;
}
