/** kv-backup with a real S3-compatible store: takes, verifies, restores once, deletes, and leaves nothing of what failed. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../persistence/reference-redis.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { type EndedProgram, runProgram } from "../testing/program.ts";
import { ReferenceClient } from "../testing/reference-server.ts";
import { hasS3Store, S3Store } from "../testing/s3-store.ts";
import { parseBackupArguments } from "./backup-arguments.ts";
import type { Manifest } from "./manifest.ts";

const BUCKET = "backups";
const KEYS = 3000;
/** More than a part, so that the file goes in several. */
const LARGE_BYTES = 20 << 20;

const kvBackup = (...args: string[]): Promise<EndedProgram> => runProgram("backup-main.ts", ...args);

describe.runIf(hasS3Store)("kv-backup with an S3-compatible store", { timeout: 60_000 }, () => {
  let store: S3Store;
  let server: OwnServer;
  let scratch: string;
  beforeAll(async () => {
    store = await S3Store.start();
    store.makeBucket(BUCKET);
    scratch = mkdtempSync(path.join(tmpdir(), "kv-scratch-"));
    server = await startOwnServer("--repl-diskless-sync-delay", "0", "--rdbcompression", "no");
    const client = await ReferenceClient.connect(server.port);
    await client.send(Array.from({ length: KEYS }, (_, k) => ["SET", `key:${k}`, `value ${k}`]));
    await client.send([["SET", "large", Buffer.alloc(LARGE_BYTES, "large ")]]);
    client.close();
  });
  afterAll(async () => {
    await server.stop();
    store.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  const options = (): string[] => [
    ...["--s3-endpoint", store.endpoint, "--s3-credentials", store.credentials, "--scratch", scratch],
  ];
  const objects = (...names: string[]): string[] => {
    const directory = store.objectFile(BUCKET, ...names);
    return existsSync(directory) ? readdirSync(directory).sort() : [];
  };
  const take = (key: string, source = `127.0.0.1:${server.port}`): Promise<EndedProgram> =>
    kvBackup("--directory", `s3://${BUCKET}/${key}`, "--source", `0=${source}`, "--cluster", "demo", ...options());

  test("takes a backup that is verified, restores it once into another server, and deletes it", async () => {
    const taken = await take("team/demo/one");
    expect([taken.code, taken.stderr]).toEqual([0, expect.stringContaining("Shard 0")]);
    expect(JSON.parse(taken.stdout)).toMatchObject({ keys: KEYS + 1, verified: true });
    expect(objects("team", "demo", "one")).toEqual(["manifest.json", "shard-0.rdb"]);
    const manifest = JSON.parse(readFileSync(store.objectFile(BUCKET, "team/demo/one/manifest.json"), "utf8"));
    expect((manifest as Manifest).sizeBytes).toBeGreaterThan(LARGE_BYTES);
    expect(readdirSync(scratch)).toEqual([]);

    const target = await startOwnServer();
    try {
      const words = ["--restore", `s3://${BUCKET}/team/demo/one`, "--to", `127.0.0.1:${target.port}`, "--once", "it"];
      const restored = await kvBackup(...words, ...options());
      expect([restored.code, restored.stderr]).toEqual([0, expect.any(String)]);
      const client = await ReferenceClient.connect(target.port);
      expect(await client.send([["DBSIZE"], ["STRLEN", "large"]])).toEqual([KEYS + 1, LARGE_BYTES]);
      expect(String((await client.send([["GET", "key:7"]]))[0])).toBe("value 7");
      await client.send([["FLUSHALL"]]);
      expect(objects("team", "demo", "one")).toContain("restored-it.json");
      const again = await kvBackup(...words, ...options());
      expect([again.code, again.stderr]).toEqual([0, expect.stringContaining("Restored before")]);
      expect(await client.send([["DBSIZE"]])).toEqual([0]);
      client.close();
    } finally {
      await target.stop();
    }
    const gone = await kvBackup("--delete", `s3://${BUCKET}/team/demo/one`, ...options());
    expect(gone).toMatchObject({ code: 0, stdout: '{"deleted":true}\n' });
    expect(objects("team", "demo", "one")).toEqual([]);
    const nothing = await kvBackup("--delete", `s3://${BUCKET}/team/demo/one`, ...options());
    expect(nothing).toMatchObject({ code: 0, stdout: '{"deleted":false}\n' });
    expect(readdirSync(scratch)).toEqual([]);
  });

  test("leaves nothing of a backup that fails on the way", async () => {
    const closed = await freePort();
    const sources = ["--source", `0=127.0.0.1:${server.port}`, "--source", `1=127.0.0.1:${closed}`];
    const ended = await kvBackup("--directory", `s3://${BUCKET}/demo/two`, ...sources, ...options());
    expect(ended).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("Shard 1") });
    expect(objects("demo", "two")).toEqual([]);
    expect(readdirSync(scratch)).toEqual([]);
  });

  test("restores no damaged file, and deletes nothing that is no backup", async () => {
    expect(await take("demo/three")).toMatchObject({ code: 0 });
    const file = store.objectFile(BUCKET, "demo/three/shard-0.rdb");
    const bytes = readFileSync(file);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const place = `s3://${BUCKET}/demo/three`;
    const restored = await kvBackup("--restore", place, "--to", `127.0.0.1:${server.port}`, ...options());
    expect(restored).toMatchObject({ code: 1, stderr: expect.stringMatching(/damaged|checksum/i) });
    writeFileSync(store.objectFile(BUCKET, "demo/three/notes.txt"), "mine");
    const deleted = await kvBackup("--delete", place, ...options());
    expect(deleted).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('it is no backup, "notes.txt" lies in it'),
    });
    expect(objects("demo", "three")).toHaveLength(3);
  });

  test("says why where there is no such bucket, no such backup, or no right", async () => {
    const place = ["--source", `0=127.0.0.1:${server.port}`, ...options()];
    const bucket = await kvBackup("--directory", "s3://no-such-bucket/demo", ...place);
    expect(bucket).toMatchObject({ code: 1, stderr: expect.stringMatching(/bucket does not exist|NoSuchBucket/i) });
    const none = await kvBackup("--restore", `s3://${BUCKET}/none`, "--to", "localhost:1", ...options());
    expect(none.stderr).toContain(`"s3://${BUCKET}/none" holds no backup`);
    const wrong = mkdtempSync(path.join(scratch, "wrong-"));
    writeFileSync(path.join(wrong, "access-key-id"), "tester");
    writeFileSync(path.join(wrong, "secret-access-key"), "wrong");
    const refused = await kvBackup("--delete", `s3://${BUCKET}/x`, ...options(), "--s3-credentials", wrong);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/signature/i) });
    rmSync(wrong, { recursive: true });
    const empty = await kvBackup("--delete", `s3://${BUCKET}/x`, ...options(), "--s3-credentials", scratch);
    expect(empty.stderr).toContain("must hold files access-key-id and secret-access-key");
  });
});

test("a place in S3 is read from the command line, and nonsense refused", () => {
  const take = (place: string, ...more: string[]) =>
    parseBackupArguments(["--directory", place, "--source", "0=a:1", ...more]);
  expect(take("s3://b-1/a/b", "--s3-endpoint", "http://h:9000")).toMatchObject({
    s3: { bucket: "b-1", prefix: "a/b", endpoint: "http://h:9000", region: "us-east-1", credentials: undefined },
  });
  expect(take("/backup/x")).toMatchObject({ directory: "/backup/x", s3: undefined });
  expect(() => take("s3://b")).toThrow("must be s3://bucket/key");
  expect(() => take("s3://b-1//x")).toThrow("must be s3://bucket/key");
  expect(() => take("s3://b-1/x", "--s3-endpoint", "h:9000")).toThrow("--s3-endpoint needs a URL");
  expect(() => take("/backup", "--scratch", "/tmp")).toThrow("--scratch goes with a place s3://bucket/key");
});
