/**
 * Append-only files that were changed at random, in their commands and in what frames them: each is loaded up to where it is
 * sound, by the real code into a real keyspace, whose data can then be walked and deleted; no byte is leaked, and none takes long.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { AofDamage } from "../persistence/aof/aof-loader.ts";
import { VARIOUS_VALUES } from "./hostile-payloads.ts";
import { mutate } from "./mutated-input.ts";
import { type OwnServer, startSilentServer } from "./own-server.ts";
import { RawClient } from "./raw-client.ts";
import { Script, type Word } from "./script.ts";

/** A file that takes longer has made the server hang. */
const MOST_MS = 20_000;
const MOST_COMMANDS = 40;
const FILE_NAME = "a.1.incr.aof";

const COMMANDS: readonly (readonly Word[])[] = [
  ...VARIOUS_VALUES,
  ...[["MULTI"], ["EXEC"], ["SELECT", "1"], ["SELECT", "0"]],
  ...[
    ["SETRANGE", "s", "7", "range"],
    ["INCRBY", "i", "17"],
    ["APPEND", "s", "tail"],
    ["SETBIT", "s", "70", "1"],
    ["BITFIELD", "s", "SET", "u8", "#2", "200"],
    ["BITOP", "XOR", "t", "s", "i"],
    ["PFADD", "p", "a", "b", "c"],
    ["PEXPIREAT", "s", "4000000000000"],
    ["PERSIST", "s"],
  ],
  ...[
    ["LTRIM", "l", "1", "-2"],
    ["LSET", "ll", "3", "changed"],
    ["LINSERT", "l", "BEFORE", "a", "b"],
    ["LMOVE", "ll", "l", "LEFT", "RIGHT"],
    ["LREM", "ll", "0", "a"],
  ],
  ...[
    ["SMOVE", "st", "stt", "a"],
    ["SREM", "stt", "m5", "m6"],
    ["SINTERSTORE", "d", "st", "stt"],
    ["HINCRBY", "h", "g", "5"],
    ["HDEL", "hh", "f00", "f10"],
    ["ZINCRBY", "z", "1.5", "a"],
    ["ZREMRANGEBYRANK", "zz", "0", "10"],
    ["ZUNIONSTORE", "d", "2", "z", "zz"],
    ["GEOADD", "geo", "13.36", "38.11", "Palermo"],
  ],
  ...[
    ["XDEL", "x", "1-1"],
    ["XTRIM", "x", "MAXLEN", "1"],
    ["XSETID", "x", "9-9"],
    ["XCLAIM", "x", "group", "other", "0", "2-1", "TIME", "1", "RETRYCOUNT", "3", "FORCE", "JUSTID"],
    ["XGROUP", "DELCONSUMER", "x", "group", "consumer"],
  ],
  ...[
    ["RENAME", "h", "h2"],
    ["COPY", "z", "z2", "REPLACE"],
    ["MOVE", "l", "1"],
    ["DEL", "d", "t"],
    ["SORT", "is", "STORE", "sorted"],
    ["EVAL", "return redis.call('incr', KEYS[1])", "1", "n"],
    ["FLUSHDB"],
  ],
];

interface Loads {
  readonly whole: number;
  readonly withData: number;
}

/** Loads so many files and uses what they give; how many were sound to their end, and how many gave data. */
export async function loadHostileAppendOnlyFiles(seed: number, rounds: number): Promise<Loads> {
  const server = await startSilentServer(
    "--enable-debug-command",
    "yes",
    "--appenddirname",
    "aof",
    "--appendfilename",
    "a",
  );
  const client = await RawClient.connect(server.port);
  const directory = path.join(server.context.config.get("dir"), "aof");
  mkdirSync(directory);
  const script = new Script(seed);
  let whole = 0;
  let withData = 0;
  try {
    await load(server, directory, encoded([...inEveryDatabase(), ...COMMANDS]));
    const emptyBytes = discard(server);
    for (let round = 0; round < rounds; round++) {
      const file = hostileFile(script);
      const where = `Seed ${seed}, round ${round}, file ${JSON.stringify(file.toString("latin1"))}`;
      try {
        if (await load(server, directory, file)) whole++;
        await walk(client);
        if (hasData(server)) withData++;
        const left = discard(server) - emptyBytes;
        if (left !== 0) throw new Error(`${left} bytes are left`);
      } catch (reason) {
        throw new Error(where, { cause: reason });
      }
    }
    return { whole, withData };
  } finally {
    client.close();
    await server.stop();
  }
}

/** What a database makes once, for keys that expire, and keeps must be there before bytes are counted. */
function inEveryDatabase(): Word[][] {
  return Array.from({ length: 16 }, (_, index) => [
    ["SELECT", String(index)],
    ["SET", "expiring", "value", "PXAT", "4000000000000"],
    ["HSET", "fields", "f", "v"],
    ["HPEXPIREAT", "fields", "4000000000000", "FIELDS", "1", "f"],
  ]).flat();
}

function encoded(commands: readonly (readonly Word[])[]): Buffer {
  return Buffer.concat(commands.map((words) => encodeCommand([...words])));
}

/** Commands in any order, with changed arguments; the file as a whole is changed as well half the time. */
function hostileFile(script: Script): Buffer {
  const commands: Word[][] = [];
  for (let k = script.random.below(MOST_COMMANDS); k >= 0; k--) {
    const [name, ...args] = script.pick(COMMANDS);
    // What no server knows ends the load: mostly the name stays.
    const changed = args.map((word) => (script.once(8) ? mutate(script, Buffer.from(word)) : word));
    commands.push([script.once(300) ? mutate(script, Buffer.from(String(name))) : String(name), ...changed]);
  }
  const file = encoded(commands);
  return script.once(2) ? mutate(script, file) : file;
}

/** False if it was not sound to its end. */
async function load(server: OwnServer, directory: string, file: Buffer): Promise<boolean> {
  writeFileSync(path.join(directory, "a.manifest"), `file ${FILE_NAME} seq 1 type i\n`);
  writeFileSync(path.join(directory, FILE_NAME), file);
  const startedAt = performance.now();
  const isWhole = await server.context.reloadAppendOnly().then(
    () => true,
    (reason: Error) => {
      if (reason.cause instanceof AofDamage) return false;
      throw reason;
    },
  );
  const tookMs = performance.now() - startedAt;
  if (tookMs > MOST_MS) throw new Error(`The load took ${tookMs} ms`);
  return isWhole;
}

async function walk(client: RawClient): Promise<void> {
  const digest = await client.text("DEBUG", "DIGEST");
  if (!/^\+[0-9a-f]{40}\r\n$/.test(digest)) throw new Error(`The data has no digest: ${digest}`);
}

/** Deletes all data; gives the bytes that are in use beside the index. */
function discard({ context }: OwnServer): number {
  const { keyspace } = context;
  keyspace.flushAll();
  while (!keyspace.reclaim(100));
  return keyspace.arena.usedBytes - keyspace.indexBytes;
}

function hasData({ context: { keyspace } }: OwnServer): boolean {
  for (let k = 0; k < keyspace.databaseCount; k++) if (keyspace.database(k).count > 0) return true;
  return false;
}
