// What a session tells a server that is to be stopped for long: everything is on its disk then, also where it never saves.
import { expect, it } from "vitest";
import { freePorts } from "./free-ports.ts";
import { openKvSession } from "./kv-session.ts";
import { ask as askServer, PROGRAMS, triedServers } from "./tried-servers.ts";

const servers = triedServers();

it.each(PROGRAMS)(
  "%s holds writes back, saves, and has everything after it was stopped",
  { timeout: 60_000 },
  async (_name, program, more) => {
    const directory = await servers.directory();
    const [port = 0] = await freePorts(1);
    const endpoint = { host: "127.0.0.1", port, password: undefined };
    const ask = (...words: readonly string[]) => askServer(endpoint, ...words);
    const start = async () => {
      const child = servers.start(program, ["--port", `${port}`, "--dir", directory, "--save", "", ...more]);
      await expect.poll(() => ask("PING").catch(() => ""), { timeout: 20_000 }).toBe("PONG");
      return child;
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
