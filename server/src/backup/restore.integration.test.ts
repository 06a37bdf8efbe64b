/** Backups of redis-server restored into servers and clusters of ours, and what a restore refuses. */

import { execFile } from "node:child_process";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually, freePort, ReferenceRedis } from "../persistence/reference-redis.ts";
import { sampleCommands } from "../persistence/sample-data.ts";
import { ChildServer } from "../testing/child-server.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { type EndedProgram, runProgram } from "../testing/program.ts";
import { hasReferenceServer, ReferenceClient } from "../testing/reference-server.ts";

const run = promisify(execFile);
const LIBRARY = "#!lua name=f\nredis.register_function('f', function() return 5 end)";
const SHARDS = 3;

const kvBackup = (...args: string[]): Promise<EndedProgram> => runProgram("backup-main.ts", ...args);

/** What every key holds, and when it expires. */
async function contentOf(port: number): Promise<Record<string, string>> {
  const client = await ReferenceClient.connect(port);
  try {
    const [keys] = (await client.send([["KEYS", "*"]])) as [Buffer[]];
    const content: Record<string, string> = {};
    for (const key of keys) {
      const [digest, expiry] = await client.send([
        ["DEBUG", "DIGEST-VALUE", key],
        ["PEXPIRETIME", key],
      ]);
      content[key.toString("latin1")] = `${String(digest)} ${String(expiry)}`;
    }
    return content;
  } finally {
    client.close();
  }
}

describe.runIf(hasReferenceServer)("kv-backup --restore", { timeout: 60_000 }, () => {
  let source: ReferenceRedis;
  let directory: string;
  let backup: string;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), "kv-restore-"));
    backup = path.join(directory, "backup");
    source = await ReferenceRedis.start(["--repl-diskless-sync-delay", "0"]);
    const inOneDatabase = sampleCommands(400, 11).filter((line) => !line.startsWith("SELECT"));
    await source.script(inOneDatabase);
    await source.command("FUNCTION", "LOAD", LIBRARY);
    await source.command("SET", "short", "lived", "PX", "1000");
    const ended = await kvBackup("--directory", backup, "--source", `0=127.0.0.1:${source.port}`);
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    await eventually("that a key expires", async () => (await source.command("EXISTS", "short")) === "0");
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(async () => {
    await source.stop();
    rmSync(directory, { recursive: true });
  });

  test("into one server: the same content, functions too, and nothing is overwritten unasked", async () => {
    const server = await startOwnServer("--enable-debug-command", "yes", "--requirepass", "");
    closing.push(() => server.stop());
    const to = `127.0.0.1:${server.port}`;
    const ended = await kvBackup("--restore", backup, "--to", `127.0.0.1:${await freePort()},${to}`);
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const content = await contentOf(source.port);
    const keys = Object.keys(content).length;
    expect(JSON.parse(ended.stdout)).toMatchObject({ libraries: 1, expired: expect.any(Number) });
    expect(await contentOf(server.port)).toEqual(content);
    expect(keys).toBeGreaterThan(400);
    const client = await ReferenceClient.connect(server.port);
    expect(await client.send([["FCALL", "f", "0"]])).toEqual([5]);
    client.close();
    expect((await kvBackup("--restore", backup, "--to", to)).stderr).toMatch(/BUSYKEY Target key name already exists/);
    expect(await kvBackup("--restore", backup, "--to", to, "--replace")).toMatchObject({ code: 0 });
    expect(await contentOf(server.port)).toEqual(content);
  });

  test("into a cluster: each key where its slot is, functions on every primary", async () => {
    const ports = await Promise.all(Array.from({ length: SHARDS }, () => startNode()));
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    await run("redis-cli", ["--cluster", "create", ...addresses, "--cluster-yes"]);
    const ended = await kvBackup("--restore", backup, "--to", addresses.join(","));
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const parts = await Promise.all(ports.map(contentOf));
    expect(parts.every((part) => Object.keys(part).length > 50)).toBe(true);
    expect(Object.assign({}, ...parts)).toEqual(await contentOf(source.port));
    for (const port of ports) {
      const client = await ReferenceClient.connect(port);
      expect(await client.send([["FCALL", "f", "0"]])).toEqual([5]);
      client.close();
    }
  });

  test("into a group: through the one that leads, once there is one", async () => {
    const servers = await Promise.all(
      [0, 1].map(async () => {
        const server = await startOwnServer(
          "--enable-debug-command",
          "yes",
          "--requirepass",
          "",
          "--group-lease",
          "60",
        );
        closing.push(() => server.stop());
        return server;
      }),
    );
    const [first, second] = servers as [OwnServer, OwnServer];
    const ticketOf = ({ context }: OwnServer) => String(context.replication.lease.ticket);
    const say = async ({ port }: OwnServer, ...words: string[]) => {
      const client = await ReferenceClient.connect(port);
      closing.push(() => client.close());
      return String((await client.send([words]))[0]);
    };
    const to = servers.map(({ port }) => `127.0.0.1:${port}`).join(",");
    // Nobody leads as yet.
    const restoring = kvBackup("--restore", backup, "--to", to);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(await say(second, "GROUP", "LEAD", ticketOf(second))).toBe("OK");
    await say(first, "GROUP", "FOLLOW", "127.0.0.1", String(second.port), ticketOf(first));
    const ended = await restoring;
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(await contentOf(second.port)).toEqual(await contentOf(source.port));
    await eventually("that the replica has it all", async () => {
      const [all, copied] = [await say(second, "DBSIZE"), await say(first, "DBSIZE")];
      return all === copied;
    });
  });

  async function startNode(): Promise<number> {
    const folder = mkdtempSync(path.join(tmpdir(), "kv-restore-node-"));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    for (;;) {
      const port = await freePort();
      if (port > 55_000) continue;
      const words = ["--port", String(port), "--cluster-enabled", "yes", "--enable-debug-command", "yes", "--save", ""];
      const node = new ChildServer(folder, words);
      closing.push(() => node.kill());
      await node.ready();
      return port;
    }
  }

  test("once: into an empty target only, a run that was cut off is gone on with, one that ended is not done again", async () => {
    const server = await startOwnServer("--enable-debug-command", "yes", "--requirepass", "");
    closing.push(() => server.stop());
    const copy = path.join(directory, "once");
    await run("cp", ["-r", backup, copy]);
    const words = ["--restore", copy, "--to", `127.0.0.1:${server.port}`, "--once", "uid-1"];
    const client = await ReferenceClient.connect(server.port);
    closing.push(() => client.close());
    await client.send([["SET", "mine", "1"]]);
    expect((await kvBackup(...words)).stderr).toContain("The target is not empty: it holds 1 keys");
    expect(await client.send([["DBSIZE"]])).toEqual([1]);
    await client.send([["DEL", "mine"]]);
    // What a run leaves that was killed: its record, and some of the keys.
    writeFileSync(path.join(copy, "restored-uid-1.json"), '{"target":"uid-1"}\n');
    const [some] = Object.keys(await contentOf(source.port));
    await client.send([["SET", some as string, "half a restore"]]);
    const ended = await kvBackup(...words);
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(await contentOf(server.port)).toEqual(await contentOf(source.port));
    await client.send([["DEL", some as string]]);
    const again = await kvBackup(...words);
    expect(again).toMatchObject({ code: 0, stdout: ended.stdout });
    expect(await client.send([["EXISTS", some as string]])).toEqual([0]);
    expect((await kvBackup(...words, "--replace")).stderr).toContain("do not go together");
    expect((await kvBackup(...words.slice(0, -1), "../x")).stderr).toContain("letters, digits and dashes");
    expect(await kvBackup("--delete", copy)).toMatchObject({ code: 0 });
  });

  test("a file that is not the manifest's is not restored", async () => {
    const copy = path.join(directory, "damaged");
    await run("cp", ["-r", backup, copy]);
    appendFileSync(path.join(copy, "shard-0.rdb"), "x");
    const ended = await kvBackup("--restore", copy, "--to", `127.0.0.1:${source.port}`);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toContain("shard-0.rdb is damaged: its checksum is not the manifest's");
    expect((await kvBackup("--restore", directory, "--to", "localhost:1")).stderr).toContain("holds no backup");
    expect(await kvBackup("--restore", backup)).toMatchObject({ code: 2 });
  });
});
