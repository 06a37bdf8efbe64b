/**
 * Makes random calls of commands from their rows: the tree of arguments gives valid calls with options in any order, then
 * some are spoilt (an argument too few, one too many, one twice, one of another kind). What would never end, or ask for
 * gigabytes, is toned down, and calls whose outcome is left to chance are followed by the end of their key.
 */

import type { CommandRow } from "../commands/command.ts";
import { type Argument, parseSyntax } from "../commands/syntax.ts";
import { isExcluded } from "./call-exclusions.ts";
import { tamed } from "./call-limits.ts";
import { anyWord, type Flavour, keyOf, valueFor } from "./call-values.ts";
import { OTHER_CONNECTION } from "./episode.ts";
import type { Script, Word } from "./script.ts";

export type GeneratedCall = readonly Word[];

interface Callable {
  readonly fullName: string;
  readonly row: CommandRow;
  readonly trees: readonly Argument[];
  readonly weight: number;
}

/** Commands that end what others built come less often, those that build more. */
const WEIGHTS: Readonly<Record<string, number>> = {
  ...weighted(0.02, "flushall"),
  ...weighted(0.05, "flushdb swapdb"),
  ...weighted(0.3, "reset hello select discard zremrangebyscore zremrangebyrank zremrangebylex expireat pexpireat"),
  ...weighted(0.4, "del unlink getdel move ltrim expire pexpire rename renamenx keys lcs spop copy"),
  ...weighted(
    0.5,
    "exec sinterstore zinterstore zdiffstore zrangestore geosearchstore sdiffstore sunionstore zunionstore",
  ),
  ...weighted(
    0.5,
    "lpop rpop lmpop zpopmin zpopmax zmpop hgetdel georadius georadiusbymember xtrim restore sort bitop",
  ),
  ...weighted(1, "multi set lset wait lmove rpoplpush smove hdel srem zrem xdel xsetid"),
  ...weighted(4, "rpush lpush linsert setbit pfadd xgroup|create"),
  ...weighted(6, "zadd sadd hset geoadd xadd"),
};
const WEIGHT_OF_GROUP: Readonly<Record<string, number>> = { connection: 0.3, server: 0.3, cluster: 0.1, pubsub: 0.3 };
const USUAL_WEIGHT = 2;
const OPTION_ONCE_IN = 3;
const SPOILT_ONCE_IN = 8;
const MANY_ONCE_IN = 50;
const MANY = 200;
const END_OF_TRANSACTION_ONCE_IN = 12;
const OTHER_CONNECTION_ONCE_IN = 80;

/** Directives that move the limits between encodings. */
const LIMITS: readonly string[] = [
  ...["hash-max-listpack-entries", "hash-max-listpack-value", "zset-max-listpack-entries", "zset-max-listpack-value"],
  ...["set-max-intset-entries", "list-max-listpack-size"],
];

const CLAIMING = new Set(["xclaim", "xautoclaim"]);

function weighted(weight: number, commands: string): Record<string, number> {
  return Object.fromEntries(commands.split(" ").map((command) => [command, weight]));
}

export interface GeneratorOptions {
  readonly rows: readonly CommandRow[];
  readonly isKnownToBoth: (fullName: string) => boolean;
  /** What RESTORE can load. */
  readonly payloads: readonly Word[];
}

export class CallGenerator {
  readonly #script: Script;
  readonly #payloads: readonly Word[];
  readonly #callables: readonly Callable[];
  readonly #totalWeight: number;
  /** Of the connection in use, and of the other one. */
  #isInTransaction = false;
  #isOtherInTransaction = false;

  constructor(script: Script, options: GeneratorOptions) {
    const { rows, isKnownToBoth, payloads } = options;
    this.#script = script;
    this.#payloads = payloads;
    this.#callables = callablesOf(rows).filter(({ fullName }) => isKnownToBoth(fullName) && !isExcluded(fullName));
    this.#totalWeight = this.#callables.reduce((sum, { weight }) => sum + weight, 0);
  }

  get names(): readonly string[] {
    return this.#callables.map(({ fullName }) => fullName);
  }

  /** The next call, or several that belong together. */
  next(): GeneratedCall[] {
    const script = this.#script;
    if (this.#isInTransaction && script.once(END_OF_TRANSACTION_ONCE_IN)) {
      this.#isInTransaction = false;
      return [[script.once(8) ? "DISCARD" : "EXEC"]];
    }
    if (script.once(OTHER_CONNECTION_ONCE_IN)) {
      [this.#isInTransaction, this.#isOtherInTransaction] = [this.#isOtherInTransaction, this.#isInTransaction];
      return [OTHER_CONNECTION];
    }
    if (script.once(60)) return [this.#prepared()];
    const callable = this.#pick();
    const call = tamed(callable.fullName, this.#callOf(callable));
    if (callable.fullName === "multi") this.#isInTransaction = true;
    const uncertain = uncertainKey(callable.fullName, call);
    if (uncertain !== undefined) return this.#endOf(call, uncertain);
    if (CLAIMING.has(callable.fullName)) return this.#withConsumers(call, [call[1]], call[2], call[3]);
    if (callable.fullName === "xreadgroup") return this.#readGroup(call);
    if (callable.fullName.startsWith("sort")) return this.#sort(call);
    const isBlocking = callable.row.flags.includes("blocking");
    if (!isBlocking || this.#isInTransaction) return [call];
    return [["MULTI"], call, ["EXEC"]];
  }

  /** How much there is can be told, then it goes: as one step, so that nobody looks in between. */
  #endOf(call: GeneratedCall, [key, count]: readonly [key: Word, count: string]): GeneratedCall[] {
    const calls: GeneratedCall[] = [call, [count, key], ["DEL", key]];
    return this.#isInTransaction ? calls : [["MULTI"], ...calls, ["EXEC"]];
  }

  /**
   * SORT takes a number for too large if any command before it met one, so one that met none goes before; and it converts
   * a sorted set into a skiplist, from which ZRANGESTORE makes a new one.
   */
  #sort(call: GeneratedCall): GeneratedCall[] {
    const key = call[1];
    const calls: GeneratedCall[] = [["HSCAN", "none", "0"], call];
    if (key !== undefined) calls.push(["ZRANGESTORE", key, key, "0", "-1"]);
    return this.#isInTransaction ? calls : [["MULTI"], ...calls, ["EXEC"]];
  }

  /** Since 7.2 a consumer is created even if there is nothing for it: it is there before. In one step, so that none waits. */
  #withConsumers(
    call: GeneratedCall,
    keys: readonly (Word | undefined)[],
    group: Word = "g",
    consumer: Word = "c",
  ): GeneratedCall[] {
    const known = keys.filter((key) => key !== undefined);
    const calls = [...known.map((key) => ["XGROUP", "CREATECONSUMER", key, group, consumer]), call];
    return this.#isInTransaction ? calls : [["MULTI"], ...calls, ["EXEC"]];
  }

  #readGroup(call: GeneratedCall): GeneratedCall[] {
    const at = (token: string): number => call.findIndex((word) => word.toString().toLowerCase() === token);
    const [group, streams] = [at("group"), at("streams")];
    const keys = call.slice(streams + 1).slice(0, Math.floor((call.length - streams - 1) / 2));
    return this.#withConsumers(call, keys, call[group + 1], call[group + 2]);
  }

  #pick(): Callable {
    const precision = 1000;
    let rest = this.#script.random.below(Math.ceil(this.#totalWeight * precision)) / precision;
    for (const callable of this.#callables) {
      rest -= callable.weight;
      if (rest < 0) return callable;
    }
    return this.#callables[0] as Callable;
  }

  /** Calls whose arguments mean something only together. */
  #prepared(): GeneratedCall {
    const script = this.#script;
    const limit = script.pick(LIMITS);
    switch (script.random.below(4)) {
      case 2:
        return ["ZADD", script.pick(["y1", "y2"]), ...Array.from({ length: 5 }, () => ["0", anyWord(script)]).flat()];
      case 0:
        return ["CONFIG", "GET", limit];
      case 1:
        return [
          "CONFIG",
          "SET",
          limit,
          limit.startsWith("list") ? script.pick(["-2", "-1", "5", "128"]) : script.pick(["4", "64", "128", "512"]),
        ];
      default:
        return this.#getKeys();
    }
  }

  #getKeys(): GeneratedCall {
    const callable = this.#pick();
    // What MOVE does to its key has another name since 7.2.
    const isWithFlags = callable.fullName !== "move" && this.#script.once(2);
    const call = tamed(callable.fullName, this.#callOf(callable));
    return ["COMMAND", isWithFlags ? "GETKEYSANDFLAGS" : "GETKEYS", ...call];
  }

  #callOf({ fullName, row, trees }: Callable): Word[] {
    const script = this.#script;
    const name = fullName.split("|").map((word) => script.caseOf(word));
    const builder = new CallBuilder(script, {
      command: fullName,
      group: row.group,
      isNumeric: script.once(4),
      isWide: script.once(MANY_ONCE_IN),
      payloads: this.#payloads,
    });
    builder.sequence(trees);
    const args = script.once(SPOILT_ONCE_IN) ? spoil(script, builder.words) : builder.words;
    return [...name, ...args];
  }
}

/**
 * The key that two servers may hold differently after the call, and what counts its elements: which members SPOP takes is
 * left to chance, and the last digit of a distance to the mathematical library.
 */
function uncertainKey(command: string, call: GeneratedCall): readonly [key: Word, count: string] | undefined {
  if (command === "spop") return call[1] === undefined ? undefined : [call[1], "SCARD"];
  const at = call.findIndex((word) => word.toString().toLowerCase() === "storedist");
  const key = command === "geosearchstore" ? call[1] : call[at + 1];
  return at < 0 || key === undefined ? undefined : [key, "ZCARD"];
}

function callablesOf(rows: readonly CommandRow[]): Callable[] {
  const callables: Callable[] = [];
  const add = (row: CommandRow, fullName: string): void => {
    if (row.subcommands === undefined || row.flags.length > 0) {
      const weight = WEIGHTS[fullName] ?? WEIGHT_OF_GROUP[row.group] ?? USUAL_WEIGHT;
      callables.push({ fullName, row, trees: parseSyntax(row.syntax, row.keys?.length ?? 0), weight });
    }
    for (const subcommand of row.subcommands ?? []) add(subcommand, `${row.name}|${subcommand.name}`);
  };
  for (const row of rows) add(row, row.name);
  return callables;
}

/** Writes the words of one valid call. */
class CallBuilder {
  readonly words: Word[] = [];
  readonly #script: Script;
  readonly #flavour: Flavour;
  /** Where the number of the keys that follow stands. */
  #countAt = -1;

  constructor(script: Script, flavour: Flavour) {
    this.#script = script;
    this.#flavour = flavour;
  }

  sequence(trees: readonly Argument[]): void {
    for (let i = 0; i < trees.length; ) {
      const tree = trees[i] as Argument;
      let end = i + 1;
      if (tree.isOptional) while (end < trees.length && trees[end]?.isOptional) end++;
      for (const one of shuffled(this.#script, trees.slice(i, end))) this.#optional(one);
      i = end;
    }
  }

  #optional(tree: Argument): void {
    if (tree.isOptional && !this.#script.once(OPTION_ONCE_IN)) return;
    if (!tree.isMultiple) this.#one(tree, true);
    else this.#several(tree);
  }

  #several(tree: Argument): void {
    const script = this.#script;
    const count = 1 + script.random.below(this.#flavour.isWide ? MANY : 3);
    const isCounted = this.#countAt >= 0;
    for (let k = 0; k < count; k++) this.#one(tree, k === 0 || tree.isTokenRepeated === true);
    if (!isCounted) return;
    this.words[this.#countAt] = script.once(12) ? script.number() : String(count);
    this.#countAt = -1;
  }

  #one(tree: Argument, withToken: boolean): void {
    const script = this.#script;
    if (tree.token !== undefined && withToken) this.words.push(script.caseOf(tree.token));
    if (tree.type === "pure-token") return;
    if (tree.type === "block") this.sequence(tree.arguments ?? []);
    else if (tree.type === "oneof") this.#optional({ ...script.pick(tree.arguments ?? []), isOptional: false });
    else {
      if (tree.name === "numkeys" || tree.name === "numfields") this.#countAt = this.words.length;
      this.words.push(valueFor(script, tree, this.#flavour));
    }
  }
}

function shuffled<T>(script: Script, items: readonly T[]): readonly T[] {
  if (items.length < 2) return items;
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const k = script.random.below(i + 1);
    [result[i], result[k]] = [result[k] as T, result[i] as T];
  }
  return result;
}

/** The call with one thing wrong with it, or what looks wrong. */
function spoil(script: Script, words: readonly Word[]): Word[] {
  const at = script.random.below(words.length + 1);
  const other = script.random.below(words.length + 1);
  switch (script.random.below(7)) {
    case 0:
      return words.filter((_, i) => i !== at);
    case 1:
      return words.slice(0, at);
    case 2:
      return [...words.slice(0, at), anyWord(script), ...words.slice(at)];
    case 3:
      return [...words.slice(0, at), ...words.slice(other)];
    case 4:
      return words.map((word, i) => (i === at ? anyWord(script) : word));
    case 5:
      return words.map((word, i) => (i === at ? (words[other] ?? word) : i === other ? (words[at] ?? word) : word));
    default:
      return [...words, script.once(2) ? keyOf(script, "") : (words[at] ?? "")];
  }
}
