import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort, ReferenceRedis } from "../persistence/reference-redis.ts";
import { sampleCommands } from "../persistence/sample-data.ts";
import { startOwnServer } from "../testing/own-server.ts";
import { type EndedProgram, runProgram } from "../testing/program.ts";
import { ReferenceClient } from "../testing/reference-server.ts";
import { parseBackupArguments, UsageError } from "./backup-arguments.ts";
import { slotsOfMyShard } from "./cluster-slots.ts";
import type { Manifest } from "./manifest.ts";

const kvBackup = (...args: string[]): Promise<EndedProgram> => runProgram("backup-main.ts", ...args);

describe("kv-backup", () => {
  let plain: ReferenceRedis;
  let locked: ReferenceRedis;
  let directory: string;
  const at = (...names: string[]) => path.join(directory, ...names);

  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), "kv-backup-"));
    const immediate = ["--repl-diskless-sync-delay", "0"];
    plain = await ReferenceRedis.start(immediate);
    await plain.script(sampleCommands(400, 9));
    locked = await ReferenceRedis.start([...immediate, "--cluster-enabled", "yes"]);
    await locked.command("CLUSTER", "ADDSLOTSRANGE", "0", "100", "102", "16383");
    await locked.command("CONFIG", "SET", "requirepass", "secret", "cluster-require-full-coverage", "no");
  });

  afterAll(async () => {
    await plain.stop();
    await locked.stop();
    rmSync(directory, { recursive: true });
  });

  test("takes a file of each shard, with a manifest, and deletes them again", async () => {
    writeFileSync(at("password"), "secret\n");
    const closed = await freePort();
    const ended = await kvBackup(
      ...["--directory", at("deep", "one"), "--result-file", at("result"), "--password-file", at("password")],
      ...["--name", "ns/one", "--cluster", "demo", "--verify", "--slots", "0=7-9"],
      ...["--source", `1=127.0.0.1:${closed},127.0.0.1:${locked.port}`],
    );
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stderr).toContain(`Cannot read from 127.0.0.1:${closed}`);
    const manifest = JSON.parse(readFileSync(at("deep", "one", "manifest.json"), "utf8")) as Manifest;
    expect(manifest).toMatchObject({ name: "ns/one", cluster: "demo", verified: true, keys: 0 });
    expect(manifest.shards).toMatchObject([{ index: 1, file: "shard-1.rdb", slots: "0-100 102-16383" }]);
    expect(JSON.parse(readFileSync(at("result"), "utf8"))).toEqual(JSON.parse(ended.stdout));

    const second = await kvBackup("--directory", at("two"), "--source", `0=127.0.0.1:${plain.port}`);
    expect(second).toMatchObject({ code: 0 });
    const result = JSON.parse(second.stdout) as Manifest;
    const keys = Number(await plain.command("DBSIZE")) + Number(await plain.command("-n", "5", "DBSIZE"));
    expect(result).toMatchObject({ keys, verified: true });
    expect(readdirSync(at("two")).sort()).toEqual(["manifest.json", "shard-0.rdb"]);
    const file = readFileSync(at("two", "shard-0.rdb"));
    expect(result.shards[0]).toMatchObject({
      sizeBytes: file.length,
      sha256: createHash("sha256").update(file).digest("hex"),
    });
    expect(execFileSync("redis-check-rdb", [at("two", "shard-0.rdb")]).toString()).toContain("Checksum OK");

    expect(await kvBackup("--delete", at("two"))).toMatchObject({ code: 0, stdout: '{"deleted":true}\n' });
    expect(existsSync(at("two"))).toBe(false);
    expect(await kvBackup("--delete", at("two"))).toMatchObject({ code: 0, stdout: '{"deleted":false}\n' });
  });

  test("takes a file of our own server", async () => {
    const server = await startOwnServer("--repl-diskless-sync-delay", "0", "--requirepass", "secret");
    try {
      const client = await ReferenceClient.connect(server.port);
      await client.send([["AUTH", "secret"], ...Array.from({ length: 500 }, (_, k) => ["SET", `key:${k}`, k])]);
      client.close();
      writeFileSync(at("password"), "secret");
      const source = `0=localhost:1,localhost:${server.port}`;
      const ended = await kvBackup("--directory", at("own"), "--source", source, "--password-file", at("password"));
      expect(ended).toMatchObject({ code: 0 });
      expect(JSON.parse(ended.stdout)).toMatchObject({ keys: 500, verified: true });
      expect(execFileSync("redis-check-rdb", [at("own", "shard-0.rdb")]).toString()).toContain("Checksum OK");
    } finally {
      await server.stop();
    }
  });

  test("leaves nothing behind when a source is missing or refuses", async () => {
    const good = `0=127.0.0.1:${plain.port}`;
    const noPassword = await kvBackup(
      "--directory",
      at("three"),
      "--source",
      good,
      "--source",
      `1=127.0.0.1:${locked.port}`,
    );
    expect(noPassword).toMatchObject({ code: 1, stdout: "" });
    expect(noPassword.stderr).toMatch(/Shard 1: Cannot read from 127\.0\.0\.1:\d+: NOAUTH/);
    expect(existsSync(at("three"))).toBe(false);
  });

  test("deletes nothing that is no backup", async () => {
    mkdirSync(at("mine"));
    writeFileSync(at("mine", "shard-0.rdb"), "x");
    writeFileSync(at("mine", "notes.txt"), "x");
    expect(await kvBackup("--delete", at("mine"))).toMatchObject({ code: 1 });
    rmSync(at("mine", "notes.txt"));
    writeFileSync(at("mine", "manifest.json"), "{}");
    expect((await kvBackup("--delete", at("mine"))).stderr).toContain("is not of a backup");
    expect(readdirSync(at("mine"))).toHaveLength(2);
    rmSync(at("mine", "manifest.json"));
    expect(await kvBackup("--delete", at("mine"))).toMatchObject({ code: 0 });
  });

  test("says what is wrong with its options", async () => {
    expect(await kvBackup("--directory")).toMatchObject({ code: 2 });
    for (const [words, reason] of [
      [["--source", "0=a:1"], "--directory is missing"],
      [["--directory", "d"], "--source is missing"],
      [["--directory", "d", "--source", "a:1"], "must be <shard>=<value>"],
      [["--directory", "d", "--source", "0=a:99999"], "host:port"],
      [["--directory", "d", "--source", "0=a:1", "--source", "0=b:1"], "twice"],
      [["--frobnicate"], 'Unknown option "--frobnicate"'],
    ] as const) {
      expect(() => parseBackupArguments(words)).toThrow(UsageError);
      expect(() => parseBackupArguments(words)).toThrow(reason);
    }
    const task = parseBackupArguments(["--directory", "d", "--source", "0=[::1]:1", "--no-verify"]);
    expect(task).toMatchObject({ verify: false, shards: [{ addresses: [{ host: "::1", port: 1 }] }] });
  });
});

test("slotsOfMyShard finds the slots of a replica's primary, without those that are moving", () => {
  const nodes = [
    "aa 10.0.0.1:6379@16379,host master - 0 0 3 connected 0-5460 [93-<-bb] 7000",
    "bb 10.0.0.2:6379@16379 myself,slave aa 0 0 3 connected",
    "cc 10.0.0.3:6379@16379 master - 0 0 4 connected 5461-6999",
  ].join("\n");
  expect(slotsOfMyShard(nodes)).toBe("0-5460 7000");
  expect(slotsOfMyShard("")).toBeUndefined();
});
