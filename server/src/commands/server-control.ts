/** Commands for the server as a whole, of which clients have no daily use: SHUTDOWN, MEMORY. Debugging: debug.ts. */

import type { MemoryFacts } from "../observability/facts.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { type Client, ClientFlag } from "./client.ts";
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
        summary: "Answers OK: free memory goes back by itself.",
        syntax: "",
        run: (call) => call.reply.ok(),
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
  const { client } = call;
  const failed = (text: string): void => answerAndContinue(client, text);
  const error = call.server.shutdown({ save, isForced: has("force"), isAborted: has("abort"), failed });
  if (error !== undefined) throw new CommandError(error);
  if (has("abort")) call.reply.ok();
  else holdClient(client);
}

/** Like in WAIT: nothing more is read until there is an answer, which a server that ends never gives. */
function holdClient(client: Client): void {
  client.set(ClientFlag.blocked, true);
  client.connection.pause();
}

function answerAndContinue(client: Client, error: string): void {
  client.set(ClientFlag.blocked, false);
  client.connection.send(Buffer.from(`-${error}\r\n`));
  client.connection.resume();
}

/** Elements of a large value that MEMORY USAGE looks at, as in Redis. */
const DEFAULT_SAMPLES = 5;

function memoryUsage(call: Call): void {
  const samples = call.argc > 3 ? readSamples(call) : DEFAULT_SAMPLES;
  const { db, reply } = call;
  const record = db.lookupRead(call.buffer, call.offset[2] as number, call.length[2] as number);
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

type Measure = readonly [name: string, value: number];

function memoryStats(call: Call): void {
  const { reply } = call;
  const counts = countMeasures(call);
  const ratios = ratioMeasures(call.server.facts.memory());
  reply.map(counts.length + ratios.length);
  for (const [name, value] of counts) {
    reply.bulkString(name);
    reply.integer(value);
  }
  for (const [name, value] of ratios) {
    reply.bulkString(name);
    reply.doubleText(String(value));
  }
}

function countMeasures(call: Call): readonly Measure[] {
  const memory = call.server.facts.memory();
  const keys = call.server.facts.keyspace().reduce((sum, database) => sum + database.keys, 0);
  const datasetBytes = Math.max(0, memory.usedBytes - memory.overheadBytes);
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
    ["overhead.total", memory.overheadBytes],
    ["keys.count", keys],
    ["keys.bytes-per-key", keys === 0 ? 0 : Math.floor(datasetBytes / keys)],
    ["dataset.bytes", datasetBytes],
    ["allocator.allocated", memory.usedBytes],
    ["allocator.active", memory.arenaBytes],
    ["allocator.resident", memory.residentBytes],
    ["allocator-fragmentation.bytes", Math.max(0, memory.arenaBytes - memory.usedBytes)],
    ["fragmentation.bytes", memory.residentBytes - memory.usedBytes],
  ];
}

function ratioMeasures(memory: MemoryFacts): readonly Measure[] {
  const used = Math.max(1, memory.usedBytes);
  const datasetBytes = Math.max(0, memory.usedBytes - memory.overheadBytes);
  return [
    ["dataset.percentage", (datasetBytes / used) * 100],
    ["peak.percentage", (memory.usedBytes / Math.max(1, memory.peakBytes)) * 100],
    ["allocator-fragmentation.ratio", memory.arenaBytes / used],
    ["fragmentation", memory.residentBytes / used],
  ];
}

/** Fragmentation below this much waste is no concern. */
const WASTE_BYTES_MIN = 64 * 1024 * 1024;
const WASTE_RATIO_MAX = 1.5;

function memoryDoctor(call: Call): void {
  const memory = call.server.facts.memory();
  const wasteBytes = memory.arenaBytes - memory.usedBytes;
  const isWasteful = wasteBytes > WASTE_BYTES_MIN && memory.arenaBytes > memory.usedBytes * WASTE_RATIO_MAX;
  const isFull = memory.limitBytes > 0 && memory.usedBytes > memory.limitBytes;
  const findings = [
    ...(isWasteful ? [`The arena holds ${wasteBytes} bytes more than is used: many keys were deleted.`] : []),
    ...(isFull ? [`used_memory (${memory.usedBytes}) is above maxmemory (${memory.limitBytes}).`] : []),
  ];
  call.reply.verbatim(`${findings.length === 0 ? "No memory problem found." : findings.join("\n")}\n`);
}

function mallocStats(call: Call): void {
  const memory = call.server.facts.memory();
  call.reply.verbatim(
    `arena: used=${memory.usedBytes} reserved=${memory.arenaBytes} process: resident=${memory.residentBytes} heap=${memory.heapBytes}\n`,
  );
}
