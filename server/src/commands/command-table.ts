/**
 * The command table at run time: rows numbered from 1, with what the dispatcher needs of each in typed arrays by id, and a
 * lookup from the bytes of a name that makes no string. Subcommands have ids of their own, so they have their own flags and
 * statistics.
 */

import { LatencyHistograms } from "../observability/latency-histograms.ts";
import type { CommandFlag, CommandFunction, CommandRow, KeySpec } from "./command.ts";

export const CommandBit = {
  write: 1 << 0,
  readonly: 1 << 1,
  denyoom: 1 << 2,
  admin: 1 << 3,
  pubsub: 1 << 4,
  noscript: 1 << 5,
  blocking: 1 << 6,
  loading: 1 << 7,
  stale: 1 << 8,
  fast: 1 << 9,
  noAuth: 1 << 10,
  mayReplicate: 1 << 11,
  noMulti: 1 << 12,
  skipMonitor: 1 << 13,
  skipSlowlog: 1 << 14,
  asking: 1 << 15,
  /** Not allowed while loading: the opposite of `loading`, so that one mask can deny it. */
  notWhileLoading: 1 << 16,
  notWhileStale: 1 << 17,
  hasKeys: 1 << 18,
  container: 1 << 19,
  /** Too short to be timed by itself. */
  untimed: 1 << 20,
  /** Not allowed while a script holds everybody up. */
  notWhileBusy: 1 << 21,
  /** Runs commands that write, and itself is not told to anybody: scripts. */
  mayWrite: 1 << 22,
  /** Not allowed while other data is loaded beside that which is served. */
  notWhileLoadingBeside: 1 << 23,
} as const;

const BIT_OF_FLAG: Partial<Record<CommandFlag, number>> = {
  write: CommandBit.write,
  readonly: CommandBit.readonly,
  denyoom: CommandBit.denyoom,
  admin: CommandBit.admin,
  pubsub: CommandBit.pubsub,
  noscript: CommandBit.noscript,
  blocking: CommandBit.blocking,
  loading: CommandBit.loading,
  stale: CommandBit.stale,
  fast: CommandBit.fast,
  no_auth: CommandBit.noAuth,
  may_replicate: CommandBit.mayReplicate,
  may_write: CommandBit.mayWrite,
  no_multi: CommandBit.noMulti,
  skip_monitor: CommandBit.skipMonitor,
  skip_slowlog: CommandBit.skipSlowlog,
  asking: CommandBit.asking,
  no_async_loading: CommandBit.notWhileLoadingBeside,
};

const HASH_SLOTS = 2048;
const CASE_BIT = 0x20202020;

/** Of a request, what names its command: a Call. */
interface RequestWords {
  readonly buffer: Buffer;
  readonly argc: number;
  readonly offset: Int32Array;
  readonly length: Int32Array;
  text(index: number): string;
}

export class CommandTable {
  readonly rows: CommandRow[] = [];
  /** `config|get` for a subcommand. */
  readonly fullNames: string[] = [];
  readonly run: CommandFunction[] = [];
  readonly arity: Int32Array;
  readonly flags: Int32Array;
  /** First key's argument where all keys follow from position alone (first, last, step); 0: none, −1: ask `keySpecs`. */
  readonly firstKey: Int32Array;
  readonly lastKey: Int32Array;
  readonly keyStep: Int32Array;
  readonly calls: Float64Array;
  readonly failedCalls: Float64Array;
  readonly rejectedCalls: Float64Array;
  readonly microseconds: Float64Array;
  readonly latencies: LatencyHistograms;
  readonly size: number;
  readonly #subcommands: (Map<string, number> | undefined)[] = [];
  readonly #slots = new Int16Array(HASH_SLOTS);
  readonly #word0: Int32Array;
  readonly #word1: Int32Array;
  readonly #nameBytes: Buffer[] = [];
  /** By which each command is found. */
  readonly #names = new Map<number, string>();

  constructor(families: readonly (readonly CommandRow[])[]) {
    const rows = families.flat();
    const size = 1 + rows.reduce((sum, row) => sum + 1 + (row.subcommands?.length ?? 0), 0);
    this.size = size;
    this.arity = new Int32Array(size);
    this.flags = new Int32Array(size);
    this.firstKey = new Int32Array(size);
    this.lastKey = new Int32Array(size);
    this.keyStep = new Int32Array(size);
    this.calls = new Float64Array(size);
    this.failedCalls = new Float64Array(size);
    this.rejectedCalls = new Float64Array(size);
    this.microseconds = new Float64Array(size);
    this.latencies = new LatencyHistograms(size);
    this.#word0 = new Int32Array(size);
    this.#word1 = new Int32Array(size);
    this.#place(0, EMPTY_ROW, "");
    let id = 1;
    for (const row of rows) {
      const own = id++;
      this.#place(own, row, row.name);
      this.#names.set(own, row.name);
      this.#index(own, row.name);
      if (row.subcommands === undefined) continue;
      const names = new Map<string, number>();
      for (const sub of row.subcommands) {
        names.set(sub.name, id);
        this.#place(id++, sub, `${row.name}|${sub.name}`);
      }
      this.#subcommands[own] = names;
      this.flags[own] = (this.flags[own] as number) | CommandBit.container;
    }
  }

  /** By id, 1 for the commands whose full name is such a one. */
  marked(isMarked: (fullName: string) => boolean): Uint8Array {
    return Uint8Array.from({ length: this.size }, (_, id) => (isMarked(this.fullNames[id] ?? "") ? 1 : 0));
  }

  /** Id of the command whose name is the given bytes, letter case aside; 0 if there is none. */
  lookup(buffer: Buffer, offset: number, length: number): number {
    const first = foldWord(buffer, offset, length, 0);
    const second = foldWord(buffer, offset, length, 4);
    let slot = slotOf(first, second, length);
    for (;;) {
      const id = this.#slots[slot] as number;
      if (id === 0) return 0;
      if (this.#word0[id] === first && this.#word1[id] === second) {
        const name = this.#nameBytes[id] as Buffer;
        if (name.length === length && sameTail(name, buffer, offset, length)) return id;
      }
      slot = (slot + 1) & (HASH_SLOTS - 1);
    }
  }

  /**
   * From now on the command is found by another name, or by none (""). COMMAND and ACLs go on with its own. Gives what speaks
   * against it.
   */
  rename(name: string, newName: string): string | undefined {
    const bytes = Buffer.from(name);
    const id = this.lookup(bytes, 0, bytes.length);
    if (id === 0) return "No such command in rename-command";
    const wanted = Buffer.from(newName);
    if (newName !== "" && this.lookup(wanted, 0, wanted.length) !== 0) return "Target command name already exists";
    this.#names.delete(id);
    if (newName !== "") this.#names.set(id, newName.toLowerCase());
    this.#slots.fill(0);
    for (const [each, eachName] of this.#names) this.#index(each, eachName);
    return undefined;
  }

  /** Id of a container's subcommand, 0 if there is none. */
  subcommand(container: number, name: string): number {
    return this.#subcommands[container]?.get(name.toLowerCase()) ?? 0;
  }

  /** Id of the command that a request names, of its subcommand where it has one; 0 if there is none. */
  requested(request: RequestWords): number {
    const id = this.lookup(request.buffer, request.offset[0] as number, request.length[0] as number);
    const isContainer = ((this.flags[id] as number) & CommandBit.container) !== 0;
    return isContainer && request.argc > 1 ? this.subcommand(id, request.text(1)) : id;
  }

  /** Id by the name that requests use, `config|get` for a subcommand; 0 if there is none. */
  named(name: string): number {
    const [own = "", ...rest] = name.split("|");
    const bytes = Buffer.from(own, "latin1");
    const id = this.lookup(bytes, 0, bytes.length);
    return rest.length === 0 || id === 0 ? id : this.subcommand(id, rest.join("|"));
  }

  /** Whether requests can ask for a command: `rename-command` can take its name away. */
  hasName(id: number): boolean {
    return this.#names.has(id);
  }

  /** Id by full name, whatever it was renamed to, `get` or `config|get`; 0 if there is none. */
  idOf(fullName: string): number {
    return Math.max(0, this.fullNames.indexOf(fullName.toLowerCase()));
  }

  resetStatistics(): void {
    this.calls.fill(0);
    this.failedCalls.fill(0);
    this.rejectedCalls.fill(0);
    this.microseconds.fill(0);
    this.latencies.reset();
  }

  #place(id: number, row: CommandRow, fullName: string): void {
    this.rows[id] = row;
    this.fullNames[id] = fullName;
    this.run[id] = row.run;
    this.arity[id] = row.arity;
    this.flags[id] = bitsOf(row);
    const positional = positionalKeys(row.keys);
    this.firstKey[id] = positional.first;
    this.lastKey[id] = positional.last;
    this.keyStep[id] = positional.step;
  }

  #index(id: number, name: string): void {
    const bytes = Buffer.from(name);
    this.#nameBytes[id] = bytes;
    this.#word0[id] = foldWord(bytes, 0, bytes.length, 0);
    this.#word1[id] = foldWord(bytes, 0, bytes.length, 4);
    let slot = slotOf(this.#word0[id] as number, this.#word1[id] as number, bytes.length);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (HASH_SLOTS - 1);
    this.#slots[slot] = id;
  }
}

const EMPTY_ROW: CommandRow = {
  name: "",
  arity: 1,
  flags: [],
  group: "",
  since: "",
  complexity: "",
  summary: "",
  syntax: "",
  run: () => undefined,
};

function bitsOf(row: CommandRow): number {
  let bits = 0;
  for (const flag of row.flags) bits |= BIT_OF_FLAG[flag] ?? 0;
  if ((bits & CommandBit.loading) === 0) bits |= CommandBit.notWhileLoading;
  if ((bits & CommandBit.stale) === 0) bits |= CommandBit.notWhileStale;
  if (!row.flags.includes("allow_busy")) bits |= CommandBit.notWhileBusy;
  if (row.keys !== undefined && row.keys.length > 0) bits |= CommandBit.hasKeys;
  if ((bits & CommandBit.fast) !== 0 || row.isQuick === true) bits |= CommandBit.untimed;
  return bits;
}

function positionalKeys(specs: readonly KeySpec[] | undefined): { first: number; last: number; step: number } {
  const spec = specs?.[0];
  if (specs === undefined || spec === undefined) return { first: 0, last: 0, step: 0 };
  if (specs.length > 1 || !("index" in spec.begin) || !("last" in spec.find) || spec.find.limit !== 0) {
    return { first: -1, last: 0, step: 0 };
  }
  const { index } = spec.begin;
  const { last, step } = spec.find;
  return { first: index, last: last < 0 ? last : index + last, step };
}

/** Four bytes of a name from `at`, in lower case, zero beyond its end. */
function foldWord(buffer: Buffer, offset: number, length: number, at: number): number {
  if (length >= at + 4) {
    const p = offset + at;
    return (
      (buffer[p] as number) |
      ((buffer[p + 1] as number) << 8) |
      ((buffer[p + 2] as number) << 16) |
      ((buffer[p + 3] as number) << 24) |
      CASE_BIT
    );
  }
  let word = 0;
  for (let k = at; k < length; k++) word |= ((buffer[offset + k] as number) | 0x20) << (8 * (k - at));
  return word;
}

function slotOf(first: number, second: number, length: number): number {
  let hash = Math.imul(first ^ Math.imul(second, 0x9e3779b1) ^ length, 0x85ebca6b);
  hash ^= hash >>> 15;
  return hash & (HASH_SLOTS - 1);
}

function sameTail(name: Buffer, buffer: Buffer, offset: number, length: number): boolean {
  for (let k = 0; k < length; k++) {
    const byte = buffer[offset + k] as number;
    const lower = byte >= 65 && byte <= 90 ? byte + 32 : byte;
    if (name[k] !== lower) return false;
  }
  return true;
}
