/**
 * What replicas are sent for commands, beside redis-server: both are asked for their stream with SYNC, and behind each command
 * stands what came of it.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

/** Apart by ` | `; commands of a transaction by `;`. */
const COMMANDS = String.raw`
  SET k v EX 100 | SET k v PX 100000 NX | SET k v KEEPTTL | SETEX k 100 v | PSETEX k 100000 v | GETEX k PERSIST
  GETEX k EX 50 | GETDEL k | INCRBYFLOAT f 1.5 | HINCRBYFLOAT h f 2.5 | EXPIRE f 100 | PEXPIRE f 100000
  EXPIREAT f 99999999999 | PEXPIREAT f 9999999999999 | EXPIRE f -1 | SADD s a b c | SPOP s | SPOP s 1
  SPOP s 10 | SADD s2 a b c d e | SPOP s2 3 | LPUSH l a b c d e f g h | LMPOP 1 l LEFT COUNT 2 | LPOP l 1
  RPOP l | BLPOP l 0 | ZADD z 1 a 2 b 3 c | ZMPOP 1 z MIN COUNT 2 | ZPOPMIN z | XADD x * f v
  XADD x 9999999999999-5 f v | XADD x MAXLEN ~ 10 * f v | XTRIM x MAXLEN 1 | XGROUP CREATE x g 0
  XREADGROUP GROUP g c STREAMS x > | XREADGROUP GROUP g c2 NOACK STREAMS x > | XCLAIM x g c3 0 9999999999999-5
  XAUTOCLAIM x g c4 0 0 | XACK x g 9999999999999-5 | RESTORE r 0 INVALID | SETRANGE sr 3 x | APPEND ap x
  MSET a 1 b 2 | MSETNX a 1 c 2 | MSETNX d 1 e 2 | RENAME a a2 | RENAMENX b b2 | COPY b2 b3 | MOVE b3 1
  SORT s2 STORE so | SORT nosuch STORE so | SINTERSTORE si s2 s2 | SDIFFSTORE nosuch s2 s2 | DEL nosuch
  DEL b2 nosuch | UNLINK a2 | SETNX d 2 | PERSIST sr | SWAPDB 0 1 | SWAPDB 0 1 | FLUSHDB | SELECT 2 | SET in2 v
  SELECT 0 | MULTI;SET m1 1;GET m1;SET m2 2;EXEC | MULTI;GET m1;EXEC | MULTI;EXEC | MULTI;SET m1 1;EXEC
  MULTI;SELECT 3;SET a b;SELECT 0;EXEC | EVAL return·redis.call('set','e1','1') 0
  EVAL redis.call('set','e1','1');redis.call('incr','e1');return·redis.call('get','e1') 0 | EVAL return·1 0
  EVAL redis.call('select',4);return·redis.call('set','e1','1') 0 | EVAL redis.call('publish','c','m') 0
  PUBLISH c m | SPUBLISH c m | SCRIPT LOAD return·1 | SCRIPT FLUSH
  FUNCTION LOAD #!lua·name=l\\nredis.register_function('f',function(k)·return·redis.call('incr',k[1])·end)
  FCALL f 1 fk | FUNCTION DELETE l | FUNCTION FLUSH | MULTI;EVAL redis.call('set','e','1') 0;SET x1 1;EXEC
  MULTI;SELECT 1;SET m1 1;SELECT 2;SET m2 1;SELECT 0;EXEC | MULTI;FLUSHALL;SET y 1;EXEC | FLUSHALL | FLUSHALL ASYNC | PFADD hl a | PFADD hl a | PFCOUNT hl | PFMERGE hm hl
  BITOP NOT bd hl | SETBIT sb 5 1 | BITFIELD bf SET u8 0 5 | BITFIELD bf GET u8 0 | GEOADD ge 1 1 a
  GEOSEARCHSTORE gd ge FROMLONLAT 1 1 BYRADIUS 10 km | LINSERT l BEFORE q z | RPUSH l2 a b
  LMOVE l2 l3 LEFT LEFT | RPOPLPUSH l2 l3 | BLMOVE l3 l4 LEFT LEFT 0 | BRPOPLPUSH l4 l3 0 | BRPOPLPUSH l3 l4 0 | LTRIM l3 0 0 | LSET l4 0 z | LREM l4 0 z
  HSET h f v | HDEL h f | HSETNX h f v | ZADD z 1 a | ZADD z NX 2 a | ZADD z XX 2 b | ZINCRBY z 1 a
  ZUNIONSTORE zu 1 z | ZRANGESTORE zr z 0 -1 | ZREMRANGEBYRANK zr 0 -1 | SMOVE s2 s3 a | OBJECT ENCODING z
  TOUCH z | ECHO x | SET ex v PX 10 | DEBUG SLEEP 0.05 | GET ex | SET ex v PX 10 | DEBUG SLEEP 0.05 | SET ex2 v
  EXISTS ex | SET k1 v PX 1 | DEBUG SLEEP 0.01 | INCR k1 | GETSET k1 5 | EVAL redis.call('del','nosuch') 0
  EVAL redis.call('expire',KEYS[1],100) 1 k1 | XGROUP CREATE x2 g $ MKSTREAM | XGROUP CREATECONSUMER x2 g c
  XGROUP DELCONSUMER x2 g c | XGROUP DESTROY x2 g | XSETID x2 5-5 | LPUSHX nosuch a | SETEX k1 100 v
`;

/** What differs, each with its reason; the same stands in the data in the end. */
const DIFFERENT: readonly (readonly [command: RegExp, reason: string])[] = [
  [/^SPOP s/, "chance; and several members go in one SREM"],
  [/^X(READGROUP|CLAIM|AUTOCLAIM)/, "consumers that are made are told, and how far a group has read"],
  [/^GEOADD/, "as it was sent, where Redis sends the ZADD that it became"],
  [/^LTRIM/, "also where nothing was cut off"],
  [/^INCR k1 =>/, "an expired key's DEL goes before the command, not with it in a transaction"],
];

const DIGITS_OF_A_MOMENT = /\d{13}/g;

async function streams(port: number): Promise<string[]> {
  const client = await RawClient.connect(port);
  await client.text("FLUSHALL");
  await client.text("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  const replica = await RawClient.connect(port);
  replica.write("SYNC\r\n");
  while (!(await client.text("INFO", "replication")).includes("state=online"));
  await client.text("SET", "mark", "begin");
  await replica.until("begin\r\n");
  const told: string[] = [];
  const lines = COMMANDS.split(/\n| \| /).map((line) => line.trim());
  for (const [index, line] of lines.filter((line) => line !== "").entries()) {
    const commands = line.startsWith("MULTI;") ? line.split(";") : [line];
    const words = (text: string): string[] =>
      text.split(" ").map((word) => word.replaceAll("·", " ").replaceAll("\\n", "\n"));
    client.write(Buffer.concat(commands.map((command) => encodeCommand(words(command)))));
    const mark = `mark-${index}`;
    await client.replies(commands.length);
    await client.text("SET", "mark", mark);
    const bytes = await replica.until(`${mark}\r\n`);
    const own = bytes.slice(0, bytes.lastIndexOf("*3\r\n$3\r\nSET\r\n$4\r\nmark\r\n"));
    const sent = own.replace(/\*\d+\r\n\$\d+\r\n/g, "; ").replace(/\r\n(\$\d+\r\n)?/g, " ");
    told.push(`${line} => ${sent.replaceAll("; PING ", "").replace(DIGITS_OF_A_MOMENT, "MOMENT")}`);
  }
  for (const each of [client, replica]) each.close();
  return told;
}

describe.runIf(hasReferenceServer)("the stream of changes beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair("--repl-diskless-sync-delay", "0", "--repl-diskless-sync", "no");
  });
  afterAll(() => pair.stop());

  test("is the same for each command", async () => {
    const isSame = (line: string): boolean => !DIFFERENT.some(([command]) => command.test(line));
    const [ours, theirs] = [await streams(pair.ports.ours), await streams(pair.ports.reference)];
    expect(theirs.length).toBeGreaterThan(120);
    expect(ours.filter(isSame)).toEqual(theirs.filter(isSame));
    for (const [command] of DIFFERENT) expect(theirs.some((line) => command.test(line))).toBe(true);
  });
});
