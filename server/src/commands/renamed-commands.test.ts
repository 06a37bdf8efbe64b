/** `rename-command`: other names, and none, here and in redis-server. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareServers } from "../testing/differential.ts";
import { KNOWN_DIFFERENCES } from "../testing/known-differences.ts";
import { startOwnServer } from "../testing/own-server.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

describe.runIf(hasReferenceServer)("renamed commands beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair(
      ...["--rename-command", "FLUSHALL", "", "--rename-command", "GET", "hol"],
      ...["--rename-command", "CONFIG", "Secret-Config"],
    );
  });
  afterAll(() => pair.stop());

  test("are found by their new names only, and by scripts and ACLs as before or not, as there", async () => {
    const lines = [
      ...["SET k v", "GET k", "HOL k", "hol k x", "FLUSHALL", "CONFIG GET maxclients", "secret-config get hz", "HOL"],
      ...["COMMAND INFO GET", "COMMAND GETKEYS HOL k", "MULTI", "HOL k", "EXEC", "ACL SETUSER u on nopass ~* +get"],
      ...["AUTH u x", "HOL k", "SET k w", "AUTH default x"],
    ];
    const steps = lines.map((line) => ({ args: line.split(" ") }));
    const scripts = ["return redis.call('GET', 'k')", "return redis.call('HOL', 'k')"];
    const evaluations = scripts.map((source) => ({ args: ["EVAL", source, "0"] }));
    const all = [...steps, ...evaluations];
    expect(await compareServers({ ports: pair.ports, steps: all, normalisers: KNOWN_DIFFERENCES })).toBe(all.length);
  });
});

test("a command that is none, or a name that is taken, stops the start", async () => {
  await expect(startOwnServer("--rename-command", "NONE", "x")).rejects.toThrow("No such command in rename-command");
  await expect(startOwnServer("--rename-command", "GET", "set")).rejects.toThrow("Target command name already exists");
});
