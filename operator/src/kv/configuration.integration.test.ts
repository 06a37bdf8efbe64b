// Every live directive of the operator's table, at its default and changed, on servers: ours and redis-server.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { LIVE_DIRECTIVES, liveValues } from "../resources/live-directives.ts";
import { freePorts } from "./free-ports.ts";
import { type KvSession, openKvSession } from "./kv-session.ts";

const OURS = join(import.meta.dirname, "../../../server/bin/kv-server");
const PROGRAMS = [
  ["ours", OURS, ["--admin-port", "0"]],
  ["redis-server", "redis-server", []],
] as const;
const running: { readonly child: ChildProcess; readonly directory: string; readonly session: KvSession }[] = [];

afterEach(async () => {
  for (const { child, directory, session } of running.splice(0)) {
    session.close();
    child.kill("SIGKILL");
    await rm(directory, { recursive: true, force: true });
  }
});

async function start(program: string, more: readonly string[]): Promise<KvSession> {
  const directory = await mkdtemp(join(tmpdir(), "kv-config-"));
  const [port = 0] = await freePorts(1);
  const child = spawn(program, ["--port", `${port}`, "--dir", directory, ...more], { stdio: "ignore" });
  const connect = () => openKvSession({ host: "127.0.0.1", port, password: undefined });
  await expect.poll(() => connect().then((session) => session.close(), String), { timeout: 20_000 }).toBeUndefined();
  const session = await connect();
  running.push({ child, directory, session });
  return session;
}

it("ours starts with the defaults that the table names, and takes them", { timeout: 60_000 }, async () => {
  const session = await start(OURS, ["--admin-port", "0"]);
  const defaults = liveValues({});
  expect(new Map(await session.configuration(LIVE_DIRECTIVES))).toEqual(defaults);
  for (const [name, value] of defaults) expect([name, await session.configure(name, value)]).toEqual([name, undefined]);
});

it.each(PROGRAMS)(
  "%s takes on values and gives its reason for others",
  { timeout: 60_000 },
  async (_, program, more) => {
    const session = await start(program, more);
    expect(await session.configure("maxmemory", "64mb")).toBeUndefined();
    expect(await session.configure("save", "")).toBeUndefined();
    const shown = await session.configuration(["maxmemory", "save", "no-such-directive"]);
    expect(Object.fromEntries(shown)).toEqual({ maxmemory: "67108864", save: "" });
    expect(await session.configure("slowlog-max-len", "many")).toBe("argument couldn't be parsed into an integer");
    expect(await session.configure("databases", "3")).toBe("can't set immutable config");
    expect(await session.configure("no-such-directive", "3")).toContain("Unknown option");
  },
);
