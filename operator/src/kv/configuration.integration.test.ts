// Every live directive of the operator's table, at its default and changed, on servers: ours and redis-server.
import { afterEach, expect, it } from "vitest";
import { LIVE_DIRECTIVES, liveValues } from "../resources/live-directives.ts";
import { freePorts } from "./free-ports.ts";
import { type KvSession, openKvSession } from "./kv-session.ts";
import { PROGRAMS, triedServers } from "./tried-servers.ts";

const servers = triedServers();
const sessions: KvSession[] = [];

afterEach(() => {
  for (const session of sessions.splice(0)) session.close();
});

async function start(program: string, more: readonly string[]): Promise<KvSession> {
  const directory = await servers.directory();
  const [port = 0] = await freePorts(1);
  servers.start(program, ["--port", `${port}`, "--dir", directory, ...more]);
  const connect = () => openKvSession({ host: "127.0.0.1", port, password: undefined });
  await expect.poll(() => connect().then((session) => session.close(), String), { timeout: 20_000 }).toBeUndefined();
  const session = await connect();
  sessions.push(session);
  return session;
}

it("ours starts with the defaults that the table names, and takes them", { timeout: 60_000 }, async () => {
  const [[, ours, more]] = PROGRAMS;
  const session = await start(ours, more);
  const defaults = liveValues({}, LIVE_DIRECTIVES);
  expect(new Map(await session.configuration(LIVE_DIRECTIVES))).toEqual(defaults);
  for (const [name, value] of defaults)
    expect([name, await session.configure([[name, value]])]).toEqual([name, undefined]);
});

it.each(PROGRAMS)(
  "%s takes on values and gives its reason for others",
  { timeout: 60_000 },
  async (_, program, more) => {
    const session = await start(program, more);
    expect(await session.configure([["maxmemory", "64mb"]])).toBeUndefined();
    expect(await session.configure([["save", ""]])).toBeUndefined();
    const shown = await session.configuration(["maxmemory", "save", "no-such-directive"]);
    expect(Object.fromEntries(shown)).toEqual({ maxmemory: "67108864", save: "" });
    expect(await session.configure([["slowlog-max-len", "many"]])).toBe("argument couldn't be parsed into an integer");
    expect(await session.configure([["databases", "3"]])).toBe("can't set immutable config");
    expect(await session.configure([["no-such-directive", "3"]])).toContain("Unknown option");
  },
);

it("ours opens the port for outside and announces an address in one; redis-server does not know of it", {
  timeout: 60_000,
}, async () => {
  const [[, ours, more], [, theirs, none]] = PROGRAMS;
  const [external = 0, bus = 0] = await freePorts(2);
  const cluster = ["--cluster-enabled", "yes", "--cluster-port", `${bus}`];
  const pairs = [
    ["cluster-external-port", `${external}`],
    ["cluster-announce-external-host", "kv.example.org"],
    ["cluster-announce-external-port", "31000"],
  ] as const;
  const names = pairs.map(([name]) => name);
  const session = await start(ours, [...more, ...cluster]);
  expect(await session.configure(pairs)).toBeUndefined();
  expect([...(await session.configuration(names))].map(([, value]) => value)).toEqual(pairs.map(([, value]) => value));
  const outside = await openKvSession({ host: "127.0.0.1", port: external, password: undefined });
  sessions.push(outside);
  const shown = (await outside.observe()).entries.find(({ flags }) => flags.has("myself"));
  expect([shown?.ip, shown?.port]).toEqual(["kv.example.org", 31000]);
  expect(await session.configure([["cluster-external-port", "0"]])).toBeUndefined();
  const other = await start(theirs, none);
  expect(await other.configure(pairs)).toContain("Unknown option");
});
