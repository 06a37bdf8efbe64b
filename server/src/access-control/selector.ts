/**
 * One set of permissions of a user: which commands, on which keys, on which channels. A command is allowed if one of the
 * user's selectors allows all of it. Texts are latin1, so they are bytes.
 *
 * Beside the bits, a selector remembers the rules that made them: a user is described by what was said, not by what follows
 * from it today. A rule that a later one repeats or overrules (of the same name, or of a subcommand of it) is dropped.
 */

import { globMatch } from "@kvcluster/protocol/glob";
import type { CommandCatalogue } from "./command-catalogue.ts";
import { CommandSet } from "./command-set.ts";

export const KeyPermission = { read: 1, write: 2, all: 3 } as const;

export interface KeyPattern {
  readonly text: string;
  readonly bytes: Buffer;
  /** Bits of `KeyPermission`. */
  permissions: number;
}

export interface ChannelPattern {
  readonly text: string;
  readonly bytes: Buffer;
}

/** A piece of a request: a key or the name of a channel. */
export interface Name {
  readonly buffer: Uint8Array;
  readonly offset: number;
  readonly length: number;
}

export class Selector {
  readonly #catalogue: CommandCatalogue;
  readonly #commands: CommandSet;
  /** By command: the only first arguments with which it is allowed, where its bit is not set. */
  readonly #firstArguments = new Map<number, string[]>();
  readonly #keys: KeyPattern[] = [];
  readonly #channels: ChannelPattern[] = [];
  /** As `+get` or `-@dangerous`. */
  readonly #rules: string[] = [];
  /** Every command there is is allowed. */
  allowsAllCommands = false;
  /** The rules take away from all commands, in place of adding to none. */
  startsFromAll = false;
  allowsAllKeys = false;
  allowsAllChannels = false;

  constructor(catalogue: CommandCatalogue, allowsAllChannels: boolean) {
    this.#catalogue = catalogue;
    this.#commands = new CommandSet(catalogue.size);
    this.allowsAllChannels = allowsAllChannels;
  }

  clone(): Selector {
    const copy = new Selector(this.#catalogue, this.allowsAllChannels);
    copy.#commands.copyFrom(this.#commands);
    for (const [id, words] of this.#firstArguments) copy.#firstArguments.set(id, [...words]);
    for (const pattern of this.#keys) copy.#keys.push({ ...pattern });
    copy.#channels.push(...this.#channels);
    copy.#rules.push(...this.#rules);
    copy.allowsAllCommands = this.allowsAllCommands;
    copy.startsFromAll = this.startsFromAll;
    copy.allowsAllKeys = this.allowsAllKeys;
    return copy;
  }

  get isUnrestricted(): boolean {
    return this.allowsAllCommands && this.allowsAllKeys && this.allowsAllChannels;
  }

  get keys(): readonly KeyPattern[] {
    return this.#keys;
  }

  get channels(): readonly ChannelPattern[] {
    return this.#channels;
  }

  /** Allowed with any arguments. */
  hasCommand(id: number): boolean {
    return this.allowsAllCommands || this.#commands.has(id);
  }

  /** `firstArgument` is asked for only where a rule depends on it. */
  allowsCommand(id: number, firstArgument: () => string | undefined): boolean {
    if (this.hasCommand(id)) return true;
    const words = this.#firstArguments.get(id);
    if (words === undefined) return false;
    const given = firstArgument()?.toLowerCase();
    return words.some((word) => word.toLowerCase() === given);
  }

  allowsKey(key: Name, permissions: number): boolean {
    if (this.allowsAllKeys) return true;
    for (const pattern of this.#keys) {
      if ((pattern.permissions & permissions) === permissions && isLike(pattern.bytes, key)) return true;
    }
    return false;
  }

  /** A pattern to subscribe to must be one of those given, letter by letter: whether one contains another is not judged. */
  allowsChannel(name: Name, isPattern: boolean): boolean {
    if (this.allowsAllChannels) return true;
    for (const { bytes } of this.#channels) {
      if (isPattern ? isEqual(bytes, name) : isLike(bytes, name)) return true;
    }
    return false;
  }

  /** Whether any key at all may be read: what SORT BY and GET with a pattern need. */
  get readsAnyKey(): boolean {
    if (this.allowsAllKeys) return true;
    return this.#keys.some(({ text, permissions }) => text === "*" && (permissions & KeyPermission.read) !== 0);
  }

  setAllCommands(isAllowed: boolean): void {
    this.#commands.fill(isAllowed);
    this.#firstArguments.clear();
    this.#rules.length = 0;
    this.allowsAllCommands = isAllowed;
    this.startsFromAll = isAllowed;
  }

  setCategory(category: string, ids: readonly number[], isAllowed: boolean): void {
    this.#noteRule(`@${category}`, isAllowed);
    for (const id of ids) this.#setCommand(id, isAllowed);
  }

  /** A container goes with all its subcommands. */
  setCommand(id: number, isAllowed: boolean): void {
    this.#setCommand(id, isAllowed);
    this.#noteRule(this.#catalogue.fullName(id), isAllowed);
  }

  allowFirstArgument(id: number, word: string): void {
    const words = this.#firstArguments.get(id) ?? [];
    if (!words.some((known) => known.toLowerCase() === word.toLowerCase())) words.push(word);
    this.#firstArguments.set(id, words);
    this.#noteRule(`${this.#catalogue.fullName(id)}|${word.toLowerCase()}`, true);
  }

  setAllKeys(isAllowed: boolean): void {
    this.allowsAllKeys = isAllowed;
    this.#keys.length = 0;
  }

  addKeyPattern(text: string, permissions: number): void {
    const known = this.#keys.find((pattern) => pattern.text === text);
    if (known === undefined) this.#keys.push({ text, bytes: Buffer.from(text, "latin1"), permissions });
    else known.permissions |= permissions;
  }

  setAllChannels(isAllowed: boolean): void {
    this.allowsAllChannels = isAllowed;
    this.#channels.length = 0;
  }

  addChannelPattern(text: string): void {
    if (this.#channels.some((pattern) => pattern.text === text)) return;
    this.#channels.push({ text, bytes: Buffer.from(text, "latin1") });
  }

  /** `+@all -@dangerous +info` */
  describeCommands(): string {
    return [this.startsFromAll ? "+@all" : "-@all", ...this.#rules].join(" ");
  }

  describeKeys(): string {
    return this.allowsAllKeys ? "~*" : this.#keys.map(describeKeyPattern).join(" ");
  }

  describeChannels(): string {
    return this.allowsAllChannels ? "&*" : this.#channels.map(({ text }) => `&${text}`).join(" ");
  }

  /** Rules that make this selector out of a new one. */
  describe(): string {
    const channels = this.allowsAllChannels ? "" : "resetchannels";
    const parts = [this.describeKeys(), channels, this.describeChannels(), this.describeCommands()];
    return parts.filter((part) => part !== "").join(" ");
  }

  #setCommand(id: number, isAllowed: boolean): void {
    this.#commands.set(id, isAllowed);
    for (const subcommand of this.#catalogue.subcommandsOf(id)) this.#commands.set(subcommand, isAllowed);
    this.#firstArguments.delete(id);
    if (!isAllowed) this.allowsAllCommands = false;
  }

  #noteRule(name: string, isAllowed: boolean): void {
    const kept = this.#rules.filter((rule) => rule.slice(1) !== name && !rule.startsWith(`${name}|`, 1));
    this.#rules.splice(0, this.#rules.length, ...kept, `${isAllowed ? "+" : "-"}${name}`);
  }
}

function describeKeyPattern({ text, permissions }: KeyPattern): string {
  if (permissions === KeyPermission.all) return `~${text}`;
  return `${permissions === KeyPermission.read ? "%R~" : "%W~"}${text}`;
}

function isLike(pattern: Buffer, { buffer, offset, length }: Name): boolean {
  return globMatch(pattern, 0, pattern.length, buffer, offset, length, false);
}

function isEqual(pattern: Buffer, { buffer, offset, length }: Name): boolean {
  return pattern.length === length && pattern.compare(buffer, offset, offset + length) === 0;
}
