// What a session tells a server about passwords, to ours and to redis-server: both are accepted for a while, then the new only.
import { expect, it } from "vitest";
import { freePorts } from "./free-ports.ts";
import { openKvSession } from "./kv-session.ts";
import { NodeCommandError } from "./node-connection.ts";
import { ask as askServer, PROGRAMS, triedServers } from "./tried-servers.ts";

const [OLD, NEW] = ["old", 'ne w"\\'];
const servers = triedServers();

it.each(PROGRAMS)("%s accepts both passwords, then the new one only", { timeout: 60_000 }, async (_, program, more) => {
  const directory = await servers.directory();
  const [port = 0] = await freePorts(1);
  const place = ["--port", `${port}`, "--dir", directory, "--save", ""];
  servers.start(program, [...place, "--requirepass", OLD, "--masterauth", OLD, ...more]);
  const endpoint = (password: string) => ({ host: "127.0.0.1", port, password });
  const ask = (password: string, ...words: readonly string[]) => askServer(endpoint(password), ...words);
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
