// What a session tells a server that is to be stopped for long: everything is on its disk then, also where it never saves.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { freePorts } from "./free-ports.ts";
import { openKvSession } from "./kv-session.ts";
import { connectNode } from "./node-connection.ts";

const OURS = join(import.meta.dirname, "../../../server/bin/kv-server");
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
])(
  "%s holds writes back, saves, and has everything after it was stopped",
  { timeout: 60_000 },
  async (_name, program, more) => {
    const directory = await mkdtemp(join(tmpdir(), "kv-save-"));
    const [port = 0] = await freePorts(1);
    const start = async () => {
      const child = spawn(program, ["--port", `${port}`, "--dir", directory, "--save", "", ...more], {
        stdio: "ignore",
      });
      running.push({ child, directory });
      await expect.poll(() => ask("PING").catch(() => ""), { timeout: 20_000 }).toBe("PONG");
      return child;
    };
    const endpoint = { host: "127.0.0.1", port, password: undefined };
    const ask = async (...words: readonly string[]) => {
      const connection = await connectNode(endpoint);
      return await connection.command(...words).finally(() => connection.close());
    };
    const first = await start();
    await ask("SET", "key", "value");
    const session = await openKvSession(endpoint);
    expect(await session.holdAndSave()).toBe("saving");
    const late = ask("SET", "late", "value").catch(() => "cut off");
    await expect.poll(() => session.holdAndSave(), { timeout: 20_000 }).toBe("saved");
    expect(await ask("EXISTS", "late")).toBe(0);
    await session.release(true);
    expect(await late).toBe("OK");
    await expect.poll(() => session.holdAndSave(), { timeout: 20_000 }).toBe("saved");
    session.close();
    first.kill("SIGTERM");
    await new Promise((resolve) => first.once("exit", resolve));
    await start();
    expect(await ask("EXISTS", "key", "late")).toBe(2);
  },
);
