import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agreeInAll } from "../testing/agree.ts";
import { LiveKeyspace, readFile } from "./live-keyspace.ts";
import { ReferenceRedis, temporaryDirectory } from "./reference-redis.ts";
import { sampleCommands } from "./sample-data.ts";

const KEYS = 1600;

describe("RDB files exchanged with redis-server", () => {
  let redis: ReferenceRedis;
  let theirs: Buffer;

  beforeAll(async () => {
    redis = await ReferenceRedis.start();
    const output = await redis.script(sampleCommands(KEYS, 4));
    expect(output).not.toMatch(/ERR|WRONGTYPE/);
    await redis.command("SAVE");
    theirs = readFileSync(path.join(redis.directory, "dump.rdb"));
  });

  afterAll(() => redis.stop());

  test("its file is read with every type and encoding", async () => {
    const { keys, auxFields } = readFile(theirs);
    expect(Object.keys(keys).length).toBe(
      Number(await redis.command("DBSIZE")) + Number(await redis.command("-n", "5", "DBSIZE")),
    );
    expect(auxFields["redis-ver"]).toBe("7.0.15");
    expect(keys["0:inf:zset"]?.value).toEqual({
      a: Number.POSITIVE_INFINITY,
      b: Number.NEGATIVE_INFINITY,
      c: 1e300,
      d: -0.1,
    });
    expect(keys["0:bytes"]?.value).toBe("\x00\xff\r\n\x80");
    expect(keys["0:big:elements"]?.value).toHaveProperty("0.length", 9000);
    expect(keys["0:big:intset"]?.value).toHaveLength(500);
  });

  test("our file holds the same after loading theirs, and redis-check-rdb accepts it", () => {
    const live = new LiveKeyspace();
    const loader = live.load(theirs);
    const ours = live.save();
    agreeInAll(readFile(ours).keys, readFile(theirs).keys);
    expect(loader.keysLoaded).toBe(readFile(theirs).order.length);
    const file = path.join(redis.directory, "ours.rdb");
    writeFileSync(file, ours);
    expect(execFileSync("redis-check-rdb", [file]).toString()).toContain("Checksum OK");
  });

  test("redis-server loads our file with equal content and encodings", async () => {
    const live = new LiveKeyspace();
    live.load(theirs);
    const directory = temporaryDirectory();
    writeFileSync(path.join(directory, "dump.rdb"), live.save());
    const second = await ReferenceRedis.start([], directory);
    try {
      expect(await second.command("DEBUG", "DIGEST")).toBe(await redis.command("DEBUG", "DIGEST"));
      await second.command("SAVE");
      agreeInAll(readFile(readFileSync(path.join(directory, "dump.rdb"))).keys, readFile(theirs).keys);
      for (const key of [
        "big:list",
        "big:set",
        "big:intset",
        "big:hash",
        "big:zset",
        "inf:zset",
        "key:4",
        "key:6",
        "key:7",
      ]) {
        const encoding = await redis.command("OBJECT", "ENCODING", key);
        expect([key, await second.command("OBJECT", "ENCODING", key)]).toEqual([key, encoding]);
      }
    } finally {
      await second.stop();
    }
  });
});
