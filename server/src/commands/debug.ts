/**
 * DEBUG: what test suites need of a server and nobody else should. Refused unless `enable-debug-command` allows it. Only
 * subcommands that do something here are known.
 */

import { globMatchBuffer } from "@kvcluster/protocol/glob";
import { NO_EXPIRY } from "../keyspace/record.ts";
import { encodingName } from "../values/value-type.ts";
import { countArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands } from "./command.ts";
import { Digest, digestOfDatabases, mixValue } from "./dataset-digest.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { isLocalClient } from "./local-client.ts";
import { valueMemory } from "./value-memory.ts";

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
  readonly syntax: string;
  readonly run: (call: Call) => void;
}

const SUBCOMMANDS: Readonly<Record<string, DebugSubcommand>> = {
  digest: { arity: 2, syntax: "", run: debugDigest },
  "digest-value": { arity: -2, syntax: "key [key ...]", run: debugDigestValue },
  error: { arity: 3, syntax: "message", run: debugError },
  log: { arity: 3, syntax: "message", run: debugLog },
  object: { arity: -3, syntax: "key", run: debugObject },
  populate: { arity: -3, syntax: "count [prefix] [size]", run: debugPopulate },
  protocol: { arity: 3, syntax: "type", run: debugProtocol },
  reload: { arity: -2, syntax: "[NOSAVE]", run: debugReload },
  "set-active-expire": { arity: 3, syntax: "0|1", run: debugSetActiveExpire },
  sleep: { arity: 3, syntax: "seconds", run: debugSleep },
  "stringmatch-len": { arity: 4, syntax: "length pattern", run: debugStringmatch },
  help: { arity: 2, syntax: "", run: debugHelp },
};

function debug(call: Call): void {
  const mode = call.server.config.get("enable-debug-command");
  if (mode === "no" || (mode === "local" && !isLocalClient(call.client))) {
    throw new CommandError(
      'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.',
    );
  }
  const subcommand = SUBCOMMANDS[call.text(1).toLowerCase()];
  const isRightCount =
    subcommand !== undefined &&
    (subcommand.arity > 0 ? call.argc === subcommand.arity : call.argc >= -subcommand.arity);
  if (!isRightCount) {
    throw new CommandError(
      `ERR unknown subcommand or wrong number of arguments for '${call.text(1).slice(0, 128)}'. Try DEBUG HELP.`,
    );
  }
  subcommand.run(call);
}

function debugHelp(call: Call): void {
  const lines = Object.entries(SUBCOMMANDS).map(([name, { syntax }]) => `${name.toUpperCase()} ${syntax}`.trim());
  call.reply.array(lines.length + 1);
  call.reply.status("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const line of lines) call.reply.status(line);
}

function debugDigest(call: Call): void {
  const { keyspace, collections } = call.server;
  const databases = Array.from({ length: keyspace.databaseCount }, (_, index) => keyspace.database(index));
  call.reply.status(digestOfDatabases(databases, collections));
}

function debugDigestValue(call: Call): void {
  const { db, server } = call;
  call.reply.array(call.argc - 2);
  for (let i = 2; i < call.argc; i++) {
    const digest = new Digest();
    const record = db.peek(call.buffer, call.offset[i] as number, call.length[i] as number);
    if (record !== 0) mixValue(digest, db, record, server.collections);
    call.reply.status(digest.toString());
  }
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
  const seconds = Number(call.text(2));
  if (Number.isNaN(seconds) || seconds < 0) throw new CommandError(ERRORS.notFloat);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
  call.reply.ok();
}

function debugObject(call: Call): void {
  const { db } = call;
  const record = db.lookupRead(call.buffer, call.offset[2] as number, call.length[2] as number);
  if (record === 0) throw new CommandError(ERRORS.noSuchKey);
  const encoding = encodingName(db.encodingOf(record));
  const bytes = valueMemory(call, record, 0);
  call.reply.status(
    `Value at:0x${record.toString(16)} refcount:1 encoding:${encoding} serializedlength:${bytes} lru:0 lru_seconds_idle:0`,
  );
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

function debugReload(call: Call): void {
  const isNoSave = call.argc === 3 && call.is(2, "nosave");
  if (call.argc > 2 && !isNoSave) throw new CommandError(ERRORS.syntax);
  const problem = call.server.persistence.reloadNow(!isNoSave);
  if (problem !== undefined) {
    call.server.logger.warning(`DEBUG RELOAD failed: ${problem}`);
    throw new CommandError("ERR Error trying to load the RDB dump, check server logs.");
  }
  call.reply.ok();
}

function debugSetActiveExpire(call: Call): void {
  call.server.debugSwitches.isActiveExpiryOn = call.text(2) !== "0";
  call.reply.ok();
}

function debugStringmatch(call: Call): void {
  const text = Buffer.alloc(countArgument(call, 2), "A");
  call.reply.integer(globMatchBuffer(call.copy(3), text) ? 1 : 0);
}

/** One reply of each type, for tests of clients. */
const PROTOCOL_SAMPLES: Readonly<Record<string, (call: Call) => void>> = {
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
  push(call) {
    call.reply.push(2);
    call.reply.bulkString("server-cpu-usage");
    call.reply.integer(42);
  },
  verbatim: (call) => call.reply.verbatim("This is a verbatim\nstring"),
  true: (call) => call.reply.boolean(true),
  false: (call) => call.reply.boolean(false),
  bignum: (call) => call.reply.bigNumber("1234567999999999999999999999999999999"),
};

function debugProtocol(call: Call): void {
  const sample = PROTOCOL_SAMPLES[call.text(2).toLowerCase()];
  if (sample === undefined) {
    throw new CommandError(
      "ERR Wrong protocol type name. Please use one of the following: string|integer|double|null|array|set|map|attrib|push|verbatim|true|false",
    );
  }
  sample(call);
}
