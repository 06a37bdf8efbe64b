/** Commands for the server as a whole, of which clients have no daily use: SHUTDOWN, MEMORY. Debugging: debug.ts. */

import type { MemoryFacts } from "../observability/facts.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { type Client, ClientFlag, DENIES_BLOCKING } from "./client.ts";
import { defineCommands, keyAt } from "./command.ts";
import { containerOnly, withHelp } from "./container-help.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { valueMemory } from "./value-memory.ts";

const REPORT_TIPS = ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"] as const;

export const serverControlCommands = defineCommands([
  {
    name: "shutdown",
    arity: -1,
    flags: ["admin", "noscript", "loading", "stale", "no_multi", "allow_busy"],
    group: "server",
    since: "1.0.0",
    complexity: "O(N) in the number of keys when it saves, else O(1)",
    summary: "Saves if configured so, and ends the server.",
    syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
    run: shutdown,
  },
  {
    name: "memory",
    arity: -2,
    flags: [],
    group: "server",
    since: "4.0.0",
    complexity: "Depends on the subcommand",
    summary: "Looks at the use of memory.",
    syntax: "",
    run: containerOnly,
    subcommands: withHelp("memory", "server", "4.0.0", [
      {
        name: "usage",
        arity: -3,
        flags: ["readonly"],
        keys: [keyAt(2, "RO")],
        group: "server",
        since: "4.0.0",
        complexity: "O(N) in the number of samples",
        summary: "Gives the bytes that a key and its value take.",
        syntax: "key [SAMPLES count]",
        run: memoryUsage,
      },
      {
        name: "stats",
        arity: 2,
        flags: [],
        tips: REPORT_TIPS,
        group: "server",
        since: "4.0.0",
        complexity: "O(1)",
        summary: "Tells what the memory is used for.",
        syntax: "",
        run: memoryStats,
      },
      {
        name: "doctor",
        arity: 2,
        flags: [],
        tips: REPORT_TIPS,
        group: "server",
        since: "4.0.0",
        complexity: "O(1)",
        summary: "Judges the use of memory for a human.",
        syntax: "",
        run: memoryDoctor,
      },
      {
        name: "malloc-stats",
        arity: 2,
        flags: [],
        tips: REPORT_TIPS,
        group: "server",
        since: "4.0.0",
        complexity: "O(1)",
        summary: "Describes the arena.",
        syntax: "",
        run: mallocStats,
      },
      {
        name: "purge",
        arity: 2,
        flags: [],
        tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
        group: "server",
        since: "4.0.0",
        complexity: "O(1)",
        summary: "Starts giving back memory that is not used; goes on in the background.",
        syntax: "",
        run: memoryPurge,
      },
    ]),
  },
]);

function shutdown(call: Call): void {
  const words: string[] = [];
  for (let index = 1; index < call.argc; index++) words.push(call.text(index).toLowerCase());
  const has = (word: string): boolean => words.includes(word);
  const isKnown = words.every((word) => ["save", "nosave", "now", "force", "abort"].includes(word));
  const isMixed = (has("save") && has("nosave")) || (has("abort") && words.length > 1);
  if (!isKnown || isMixed) throw new CommandError(ERRORS.syntax);
  const save = has("save") ? true : has("nosave") ? false : undefined;
  if (!has("now") && !has("abort") && call.client.has(DENIES_BLOCKING)) {
    throw new CommandError("ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client");
  }
  const { busyError } = call.server.scriptsUnderWay;
  if (busyError !== undefined && save !== false) throw new CommandError(busyError);
  const { client } = call;
  const failed = (text: string): void => {
    client.set(ClientFlag.blocked, false);
    client.connection.send(Buffer.from(`-${text}\r\n`));
    call.server.pause.resume(client);
  };
  const error = call.server.shutdown({
    save,
    isForced: has("force"),
    isNow: has("now"),
    isAborted: has("abort"),
    failed,
  });
  if (error !== undefined) throw new CommandError(error);
  if (has("abort")) call.reply.ok();
  else holdClient(client);
}

/** Like in WAIT: nothing more is read until there is an answer, which a server that ends never gives. */
function holdClient(client: Client): void {
  client.set(ClientFlag.blocked, true);
  client.connection.pause();
}

/** Elements of a large value that MEMORY USAGE looks at, as in Redis. */
const DEFAULT_SAMPLES = 5;

function memoryUsage(call: Call): void {
  const samples = call.argc > 3 ? readSamples(call) : DEFAULT_SAMPLES;
  const { db, reply } = call;
  const record = db.peek(call.buffer, call.offset[2] as number, call.length[2] as number);
  if (record === 0) reply.nil();
  else reply.integer(valueMemory(call, record, samples));
}

/** 0 looks at everything. */
function readSamples(call: Call): number {
  let samples = DEFAULT_SAMPLES;
  for (let i = 3; i < call.argc; i += 2) {
    if (!call.is(i, "samples") || i + 1 >= call.argc) throw new CommandError(ERRORS.syntax);
    samples = integerArgument(call, i + 1);
    if (samples < 0) throw new CommandError(ERRORS.syntax);
  }
  return samples;
}

function memoryPurge(call: Call): void {
  call.server.purgeMemory();
  call.reply.ok();
}

type Value = number | { readonly text: string };
type Measure = readonly [name: string, value: Value];

/** A number that is answered as a double, however round it is. */
const double = (value: number): Value => ({ text: String(value) });
const part = (share: number, whole: number): Value => double(share / Math.max(1, whole));

function memoryStats(call: Call): void {
  const { reply, server } = call;
  const memory = server.facts.memory();
  const before = bufferMeasures(memory);
  const after = dataMeasures(
    memory,
    server.facts.keyspace().reduce((sum, database) => sum + database.keys, 0),
  );
  reply.map(before.length + memory.indexes.length + after.length);
  writeMeasures(call, before);
  for (const { database, sizeBytes } of memory.indexes) {
    reply.bulkString(`db.${database}`);
    reply.map(INDEX_PARTS.length);
    // Expiry times stand in the records, and slots are counted only: nothing but the index costs memory.
    writeMeasures(
      call,
      INDEX_PARTS.map((name, place) => [name, place === 0 ? sizeBytes : 0]),
    );
  }
  writeMeasures(call, after);
}

const INDEX_PARTS = [
  "overhead.hashtable.main",
  "overhead.hashtable.expires",
  "overhead.hashtable.slot-to-keys",
] as const;

function writeMeasures({ reply }: Call, measures: readonly Measure[]): void {
  for (const [name, value] of measures) {
    reply.bulkString(name);
    if (typeof value === "number") reply.integer(value);
    else reply.doubleText(value.text);
  }
}

function bufferMeasures(memory: MemoryFacts): readonly Measure[] {
  return [
    ["peak.allocated", memory.peakBytes],
    ["total.allocated", memory.usedBytes],
    ["startup.allocated", memory.startupBytes],
    ["replication.backlog", memory.backlogBytes],
    ["clients.slaves", memory.replicaBufferBytes],
    ["clients.normal", memory.clientBufferBytes],
    ["cluster.links", memory.clusterLinkBytes],
    ["aof.buffer", memory.aofBufferBytes],
    ["lua.caches", 0],
    ["functions.caches", 0],
  ];
}

function dataMeasures(memory: MemoryFacts, keys: number): readonly Measure[] {
  const netBytes = memory.usedBytes - memory.startupBytes;
  const datasetBytes = Math.max(0, memory.usedBytes - memory.overheadBytes);
  return [
    ["overhead.total", memory.overheadBytes],
    ["keys.count", keys],
    ["keys.bytes-per-key", keys === 0 ? 0 : Math.floor(netBytes / keys)],
    ["dataset.bytes", datasetBytes],
    ["dataset.percentage", part(datasetBytes * 100, netBytes)],
    ["peak.percentage", part(memory.usedBytes * 100, memory.peakBytes)],
    ["allocator.allocated", memory.storedBytes],
    ["allocator.active", memory.arenaBytes],
    ["allocator.resident", memory.mappedBytes],
    ["allocator-fragmentation.ratio", part(memory.arenaBytes, memory.storedBytes)],
    ["allocator-fragmentation.bytes", memory.arenaBytes - memory.storedBytes],
    ["allocator-rss.ratio", part(memory.mappedBytes, memory.arenaBytes)],
    ["allocator-rss.bytes", memory.mappedBytes - memory.arenaBytes],
    ["rss-overhead.ratio", part(memory.residentBytes, memory.mappedBytes)],
    ["rss-overhead.bytes", memory.residentBytes - memory.mappedBytes],
    ["fragmentation", part(memory.residentBytes, memory.usedBytes)],
    ["fragmentation.bytes", memory.residentBytes - memory.usedBytes],
  ];
}

const MIB = 1024 * 1024;
/** With less data than this all ratios are meaningless. */
const LITTLE_BYTES = 5 * MIB;
/** Waste that is worth a word: this much, and this part of what is used. */
const WASTE_BYTES_MIN = 64 * MIB;
const WASTE_RATIO_MAX = 1.5;
const PEAK_RATIO_MAX = 1.5;
const BUFFER_BYTES_MAX = 200 * 1024;

interface Ailment {
  readonly is: (memory: MemoryFacts, clients: number) => boolean;
  readonly advice: (memory: MemoryFacts) => string;
}

const AILMENTS: readonly Ailment[] = [
  {
    is: (memory) => memory.limitBytes > 0 && memory.usedBytes > memory.limitBytes,
    advice: (memory) => `Above the limit: ${memory.usedBytes} bytes are used, maxmemory is ${memory.limitBytes}.`,
  },
  {
    is: (memory) =>
      memory.mappedBytes - memory.storedBytes > WASTE_BYTES_MIN &&
      memory.mappedBytes > memory.storedBytes * WASTE_RATIO_MAX,
    advice: (memory) =>
      `Fragmented: ${memory.mappedBytes} bytes are held for ${memory.storedBytes} bytes of data. MEMORY PURGE gives the difference back; activedefrag does so by itself.`,
  },
  {
    is: (memory) => memory.peakBytes > memory.usedBytes * PEAK_RATIO_MAX,
    advice: (memory) => `Past its peak: ${memory.peakBytes} bytes were used at one time. That is no fault.`,
  },
  {
    is: (memory, clients) => memory.clientBufferBytes / Math.max(1, clients) > BUFFER_BYTES_MAX,
    advice: (memory) =>
      `Slow readers: replies of ${memory.clientBufferBytes} bytes wait for clients. CLIENT LIST shows for which, client-output-buffer-limit bounds them.`,
  },
  {
    is: (memory) => memory.waitingFrees > 0,
    advice: (memory) => `Still freeing: ${memory.waitingFrees} deleted keys and values, in the background.`,
  },
];

function memoryDoctor(call: Call): void {
  const memory = call.server.facts.memory();
  const clients = call.server.clients.count;
  const findings = AILMENTS.filter(({ is }) => is(memory, clients)).map(({ advice }) => `* ${advice(memory)}`);
  if (memory.usedBytes < LITTLE_BYTES) call.reply.verbatim("Too little data for a judgement.\n");
  else call.reply.verbatim(`${findings.length === 0 ? "No memory problem found." : findings.join("\n")}\n`);
}

function mallocStats(call: Call): void {
  const memory = call.server.facts.memory();
  const { compaction } = memory;
  const lines = [
    `blocks in use: ${memory.storedBytes} bytes`,
    `pages in use: ${memory.arenaBytes} bytes`,
    `taken from the system: ${memory.mappedBytes} bytes`,
    `resident: ${memory.residentBytes} bytes, of them ${memory.heapBytes} in the collected heap`,
    `compaction: ${compaction.hits} blocks moved, ${compaction.totalMs} ms`,
  ];
  call.reply.verbatim(`${lines.join("\n")}\n`);
}
