// Declared users on servers, ours and redis-server: set, shown, in the file they start with, and gone.
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { userLine } from "../resources/declared-users.ts";
import { authConfig } from "../resources/server-config.ts";
import { freePorts } from "./free-ports.ts";
import { openKvSession } from "./kv-session.ts";
import { connectNode } from "./node-connection.ts";
import { PROGRAMS, triedServers } from "./tried-servers.ts";

const servers = triedServers();
const hash = `#${createHash("sha256").update("word").digest("hex")}`;
const WORDS = ["on", "sanitize-payload", hash, "~app:*", '%R~"odd\\', "&news", "+@read", "-keys", "(+set ~own:*)"];

it.each(PROGRAMS)(
  "%s has a user by command and by file alike, and no longer",
  { timeout: 60_000 },
  async (_, program, more) => {
    const directory = await servers.directory();
    const [port = 0] = await freePorts(1);
    await writeFile(join(directory, "auth.conf"), `${authConfig("secret")}${userLine("alice", WORDS)}\n`);
    await writeFile(join(directory, "kv.conf"), `port ${port}\ndir ${directory}\ninclude ${directory}/auth.conf\n`);
    servers.start(program, [join(directory, "kv.conf"), ...more]);
    const endpoint = { host: "127.0.0.1", port, password: "secret" };
    await expect
      .poll(() => openKvSession(endpoint).then((one) => one.close(), String), { timeout: 20_000 })
      .toBe(undefined);
    const session = await openKvSession(endpoint);
    const byFile = (await session.users()).get("alice");
    expect(byFile).toContain(hash);
    expect(await session.setUser("bob", WORDS)).toBeUndefined();
    expect((await session.users()).get("bob")?.replace("bob", "alice")).toBe(byFile);
    expect(await session.setUser("bob", ["on", "+nonsense"])).toContain("'+nonsense'");
    expect((await session.users()).get("bob")?.replace("bob", "alice")).toBe(byFile);
    const connection = await connectNode({ ...endpoint, password: undefined });
    expect(await connection.command("AUTH", "alice", "word")).toBe("OK");
    await expect(connection.command("SET", "app:1", "1")).rejects.toThrow("NOPERM");
    expect(await connection.command("SET", "own:1", "1")).toBe("OK");
    connection.close();
    await session.deleteUser("alice");
    expect([...(await session.users()).keys()].sort()).toEqual(["bob", "default"]);
    session.close();
  },
);
