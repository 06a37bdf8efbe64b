/**
 * DEBUG: what test suites need of a server and nobody else should. Refused unless `enable-debug-command` allows it. Only
 * subcommands that do something here are known.
 */

import { globMatchBuffer } from "@kvcluster/protocol/glob";
import { parseMemorySize } from "@kvcluster/protocol/memory-units";
import { NO_EXPIRY } from "../keyspace/record.ts";
import { countArgument, integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import { defineCommands } from "./command.ts";
import { helpLines } from "./container-help.ts";
import { debugDigest, debugDigestValue, debugListpack, debugObject, debugQuicklist } from "./debug-values.ts";
import { CommandError } from "./errors.ts";
import { protectedRefusal } from "./protected-commands.ts";

export const debugCommands = defineCommands([
  {
    name: "debug",
    arity: -2,
    flags: ["admin", "noscript", "loading", "stale"],
    group: "server",
    since: "1.0.0",
    complexity: "Depends on the subcommand",
    summary: "Does things to the server that only tests want.",
    syntax: "subcommand [arg [arg ...]]",
    run: debug,
  },
]);

interface DebugSubcommand {
  /** Number of arguments with DEBUG and the name; negative: at least so many. */
  readonly arity: number;
  readonly mostArguments?: number;
  readonly syntax: string;
  readonly summary: string;
  readonly run: (call: Call) => void;
}

const SUBCOMMANDS: ReadonlyMap<string, DebugSubcommand> = new Map(
  Object.entries<DebugSubcommand>({
    "change-repl-id": {
      arity: 2,
      syntax: "",
      summary: "Gives the server another replication ID.",
      run: changeReplicationId,
    },
    "config-rewrite-force-all": {
      ...{ arity: 2, syntax: "", run: debugRewriteConfig },
      summary: "Rewrites the configuration file with all directives, also those that have their defaults.",
    },
    digest: { arity: 2, syntax: "", summary: "Gives a checksum of all data.", run: debugDigest },
    "digest-value": {
      ...{ arity: -2, syntax: "[key [key ...]]", run: debugDigestValue },
      summary: "Gives checksums of the values of keys.",
    },
    "drop-cluster-packet-filter": {
      ...{ arity: 3, syntax: "packet-type", run: debugLoseMessages },
      summary: "Takes no messages of this type from other nodes of the cluster; -1: takes all.",
    },
    error: { arity: 3, syntax: "message", summary: "Replies with this error.", run: debugError },
    listpack: { arity: 3, syntax: "key", summary: "Tells whether the value is one listpack.", run: debugListpack },
    log: { arity: 3, syntax: "message", summary: "Writes to the server's log.", run: debugLog },
    object: { arity: -3, syntax: "key", summary: "Tells how a value is stored.", run: debugObject },
    populate: {
      ...{ arity: -3, mostArguments: 5, syntax: "count [prefix] [size]", run: debugPopulate },
      summary: "Makes so many string keys where there are none.",
    },
    loadaof: { arity: 2, syntax: "", summary: "Loads the append-only file in place of the data.", run: debugLoadAof },
    protocol: { arity: 3, syntax: "type", summary: "Replies with a sample of a type.", run: debugProtocol },
    "quicklist-packed-threshold": {
      ...{ arity: 3, syntax: "size", run: quicklistThreshold },
      summary: "Does nothing: large elements of lists are kept as all others.",
    },
    quicklist: {
      ...{ arity: -3, mostArguments: 4, syntax: "key [0|1]", run: debugQuicklist },
      summary: "Tells whether the value is a list of blocks.",
    },
    "pause-cron": {
      ...{ arity: 3, syntax: "0|1", run: debugPauseCron },
      summary: "Stops and goes on with what the server does by itself: expired keys stay.",
    },
    reload: {
      arity: -2,
      syntax: "[MERGE] [NOFLUSH] [NOSAVE]",
      summary: "Saves the data and loads it; in place of what there is, or beside it.",
      run: debugReload,
    },
    "set-active-expire": {
      ...{ arity: 3, syntax: "0|1", run: debugSetActiveExpire },
      summary: "Turns off and on that expired keys go by themselves.",
    },
    replybuffer: {
      ...{ arity: 4, syntax: "PEAK-RESET-TIME | RESIZING value", run: debugReplyBuffer },
      summary: "Does nothing: replies have no buffer of a size of its own.",
    },
    "set-skip-checksum-validation": {
      ...{ arity: 3, syntax: "0|1", run: debugSkipChecksums },
      summary: "Turns off and on that RESTORE looks at checksums.",
    },
    "set-disable-deny-scripts": {
      ...{ arity: 3, syntax: "0|1", run: debugAllowInScripts },
      summary: "Lets scripts call commands that they may not call otherwise.",
    },
    sleep: { arity: 3, syntax: "seconds", summary: "Holds the server for a time.", run: debugSleep },
    "stringmatch-len": {
      ...{ arity: 4, syntax: "length pattern", run: debugStringmatch },
      summary: "Matches a pattern against so many letters A.",
    },
    help: { arity: 2, syntax: "", summary: "Prints this help.", run: debugHelp },
  }),
);

function debug(call: Call): void {
  const refusal = protectedRefusal(call, "debug");
  if (refusal !== undefined) throw new CommandError(refusal);
  const subcommand = SUBCOMMANDS.get(call.text(1).toLowerCase());
  const isRightCount =
    subcommand !== undefined &&
    (subcommand.arity > 0 ? call.argc === subcommand.arity : call.argc >= -subcommand.arity) &&
    call.argc <= (subcommand.mostArguments ?? call.argc);
  if (!isRightCount) {
    throw new CommandError(unknownDebug(call));
  }
  subcommand.run(call);
}

function unknownDebug(call: Call): string {
  return `ERR unknown subcommand or wrong number of arguments for '${call.text(1).slice(0, 128)}'. Try DEBUG HELP.`;
}

function debugHelp(call: Call): void {
  const lines = helpLines(
    "debug",
    Array.from(SUBCOMMANDS, ([name, { syntax, summary }]) => ({ name, syntax, summary })),
  );
  call.reply.array(lines.length);
  for (const line of lines) call.reply.status(line);
}

function changeReplicationId(call: Call): void {
  call.server.replication.history.restart();
  call.reply.ok();
}

function debugRewriteConfig(call: Call): void {
  if (call.server.rewriteConfig(true) !== undefined) throw new CommandError("ERR CONFIG-REWRITE-FORCE-ALL failed");
  call.reply.ok();
}

const LARGEST_THRESHOLD = 2 ** 32;

function quicklistThreshold(call: Call): void {
  const size = parseMemorySize(call.text(2));
  if (size === undefined || size >= LARGEST_THRESHOLD) {
    throw new CommandError("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
  }
  call.reply.ok();
}

function debugError(call: Call): void {
  call.reply.error(call.text(2));
}

function debugLog(call: Call): void {
  call.server.logger.warning(`DEBUG LOG: ${call.text(2)}`);
  call.reply.ok();
}

/** Holds the whole server for the time, as a slow command would. */
function debugSleep(call: Call): void {
  // What is no number is 0, as C reads it.
  const seconds = Math.max(0, Number(call.text(2)) || 0);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
  call.reply.ok();
}

function debugPopulate(call: Call): void {
  const count = countArgument(call, 2);
  const prefix = call.argc > 3 ? call.copy(3) : Buffer.from("key");
  const size = call.argc > 4 ? countArgument(call, 4) : 0;
  for (let index = 0; index < count; index++) {
    const key = Buffer.concat([prefix, Buffer.from(`:${index}`)]);
    if (call.db.lookupRead(key, 0, key.length) !== 0) continue;
    const text = Buffer.from(`value:${index}`);
    const value =
      size === 0 ? text : Buffer.concat([text.subarray(0, size), Buffer.alloc(Math.max(0, size - text.length))]);
    call.db.setString(key, 0, key.length, value, 0, value.length, NO_EXPIRY);
  }
  call.reply.ok();
}

const RELOAD_WORDS: ReadonlySet<string> = new Set(["merge", "noflush", "nosave"]);

function debugReload(call: Call): void {
  const words = new Set<string>();
  for (let i = 2; i < call.argc; i++) {
    const word = call.text(i).toLowerCase();
    if (!RELOAD_WORDS.has(word)) {
      throw new CommandError("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    }
    words.add(word);
  }
  const request = { saves: !words.has("nosave"), keeps: words.has("noflush"), merges: words.has("merge") };
  const problem = call.server.persistence.reloadNow(request);
  if (problem !== undefined) {
    call.server.logger.warning(`DEBUG RELOAD failed: ${problem}`);
    throw new CommandError("ERR Error trying to load the RDB dump, check server logs.");
  }
  call.reply.ok();
}

/** Others hear LOADING meanwhile. */
function debugLoadAof({ client, server }: Call): void {
  const answer = (text: string): void => {
    client.set(ClientFlag.blocked, false);
    client.connection.send(Buffer.from(text));
    server.pause.resume(client);
  };
  client.set(ClientFlag.blocked, true);
  client.connection.pause();
  server.reloadAppendOnly().then(
    () => answer("+OK\r\n"),
    (reason: Error) => {
      server.logger.warning(`DEBUG LOADAOF failed: ${reason.message}`);
      answer("-ERR Error trying to load the AOF files, check server logs.\r\n");
    },
  );
}

function debugSetActiveExpire(call: Call): void {
  call.server.debugSwitches.isActiveExpiryOn = call.text(2) !== "0";
  call.reply.ok();
}

function debugPauseCron(call: Call): void {
  call.server.debugSwitches.isUpkeepPaused = call.text(2) !== "0";
  call.reply.ok();
}

function debugLoseMessages(call: Call): void {
  const type = integerArgument(call, 2);
  if (call.server.cluster !== undefined) call.server.cluster.lostMessageType = type;
  call.reply.ok();
}

function debugSkipChecksums(call: Call): void {
  call.server.debugSwitches.skipsChecksums = call.text(2) !== "0";
  call.reply.ok();
}

function debugAllowInScripts(call: Call): void {
  call.server.debugSwitches.allowsInScripts = call.text(2) !== "0";
  call.reply.ok();
}

function debugReplyBuffer(call: Call): void {
  const isPeakTime = call.is(2, "peak-reset-time");
  if (!isPeakTime && !call.is(2, "resizing")) throw new CommandError(unknownDebug(call));
  if (isPeakTime && !call.is(3, "never") && !call.is(3, "reset")) integerArgument(call, 3);
  call.reply.ok();
}

function debugStringmatch(call: Call): void {
  const text = Buffer.alloc(countArgument(call, 2), "A");
  call.reply.integer(globMatchBuffer(call.copy(3), text) ? 1 : 0);
}

/** One reply of each type, for tests of clients. */
const PROTOCOL_SAMPLES: ReadonlyMap<string, (call: Call) => void> = new Map(
  Object.entries<(call: Call) => void>({
    string: (call) => call.reply.bulkString("Hello World"),
    integer: (call) => call.reply.integer(12345),
    double: (call) => call.reply.doubleText("3.141"),
    null: (call) => call.reply.nil(),
    array(call) {
      call.reply.array(3);
      for (let value = 0; value < 3; value++) call.reply.integer(value);
    },
    set(call) {
      call.reply.set(3);
      for (let value = 0; value < 3; value++) call.reply.integer(value);
    },
    map(call) {
      call.reply.map(3);
      for (let value = 0; value < 3; value++) {
        call.reply.integer(value);
        call.reply.boolean(value === 1);
      }
    },
    attrib(call) {
      if (call.reply.resp3) {
        call.reply.attribute(1);
        call.reply.bulkString("key-popularity");
        call.reply.array(2);
        call.reply.bulkString("key:123");
        call.reply.integer(90);
      }
      call.reply.bulkString("Some real reply following the attribute");
    },
    push(call) {
      if (!call.reply.resp3) throw new CommandError("ERR RESP2 is not supported by this command");
      call.reply.push(2);
      call.reply.bulkString("server-cpu-usage");
      call.reply.integer(42);
      call.reply.bulkString("Some real reply following the push reply");
    },
    verbatim: (call) => call.reply.verbatim("This is a verbatim\nstring"),
    true: (call) => call.reply.boolean(true),
    false: (call) => call.reply.boolean(false),
    bignum: (call) => call.reply.bigNumber("1234567999999999999999999999999999999"),
  }),
);

function debugProtocol(call: Call): void {
  const sample = PROTOCOL_SAMPLES.get(call.text(2).toLowerCase());
  if (sample === undefined) {
    throw new CommandError(
      "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
    );
  }
  sample(call);
}
