// What a session tells a server about passwords, to ours and to redis-server: both are accepted for a while, then the new only.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { freePorts } from "./free-ports.ts";
import { openKvSession } from "./kv-session.ts";
import { connectNode, NodeCommandError } from "./node-connection.ts";

const OURS = join(import.meta.dirname, "../../../server/bin/kv-server");
const [OLD, NEW] = ["old", 'ne w"\\'];
const running: { readonly child: ChildProcess; readonly directory: string }[] = [];

afterEach(async () => {
  for (const { child, directory } of running.splice(0)) {
    child.kill("SIGKILL");
    await rm(directory, { recursive: true, force: true });
  }
});

it.each([
  ["ours", OURS, ["--admin-port", "0"]],
  ["redis-server", "redis-server", []],
])("%s accepts both passwords, then the new one only", { timeout: 60_000 }, async (_name, program, more) => {
  const directory = await mkdtemp(join(tmpdir(), "kv-password-"));
  const [port = 0] = await freePorts(1);
  const args = [
    "--port",
    `${port}`,
    "--requirepass",
    OLD,
    "--masterauth",
    OLD,
    "--dir",
    directory,
    "--save",
    "",
    ...more,
  ];
  running.push({ child: spawn(program, args, { stdio: "ignore" }), directory });
  const endpoint = (password: string) => ({ host: "127.0.0.1", port, password });
  const ask = async (password: string, ...words: readonly string[]) => {
    const connection = await connectNode(endpoint(password));
    return await connection.command(...words).finally(() => connection.close());
  };
  await expect.poll(() => ask(OLD, "PING").catch(() => ""), { timeout: 20_000 }).toBe("PONG");
  const session = await openKvSession(endpoint(OLD));
  await session.acceptPassword(NEW);
  expect([await ask(OLD, "PING"), await ask(NEW, "PING")]).toEqual(["PONG", "PONG"]);
  expect(String((await ask(NEW, "CONFIG", "GET", "masterauth")) as unknown)).toBe(`masterauth,${NEW}`);
  await session.dropOtherPasswords(NEW);
  session.close();
  await expect(ask(OLD, "PING")).rejects.toThrow(NodeCommandError);
  expect(await ask(NEW, "PING")).toBe("PONG");
});
