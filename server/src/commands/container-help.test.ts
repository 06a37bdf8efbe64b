/** HELP of every container beside redis-server: the same shape, and a line for every subcommand that both have. */

import { RespError } from "@kvcluster/protocol/resp-decoder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasReferenceServer, ReferenceClient } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const CONTAINERS = [
  "OBJECT",
  "CONFIG",
  "CLIENT",
  "COMMAND",
  "PUBSUB",
  "SLOWLOG",
  "LATENCY",
  "DEBUG",
  "MEMORY",
  "XGROUP",
  "MODULE",
];
const SUBCOMMAND = /^[A-Z][A-Z-]*( .*)?$/;
const NAME = /^[A-Z-]+/;

describe.runIf(hasReferenceServer)("HELP beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  test.each(CONTAINERS)("of %s has the same frame, and indented descriptions", async (container) => {
    const [ours, reference] = await Promise.all([
      helpOf(pair.ports.ours, container),
      helpOf(pair.ports.reference, container),
    ]);
    // Containers that are not here yet have no help either.
    if (ours === undefined || reference === undefined) {
      expect(ours).toBeUndefined();
      return;
    }
    expect(ours[0]).toBe(reference[0]);
    expect(ours.slice(-2)).toEqual(reference.slice(-2));
    const lines = ours.slice(1);
    for (const line of lines) expect(line).toMatch(/^( {4}\S|[A-Z][A-Z-]*)/);
    const names = lines.filter((line) => SUBCOMMAND.test(line)).map((line) => NAME.exec(line)?.[0]);
    const known = new Set(
      reference
        .slice(1)
        .filter((line) => SUBCOMMAND.test(line))
        .map((line) => NAME.exec(line)?.[0]),
    );
    expect(names.filter((name) => known.has(name)).length).toBeGreaterThan(1);
    for (const line of lines.filter((text) => SUBCOMMAND.test(text))) expect(line).not.toMatch(/ \| /);
  });
});

async function helpOf(port: number, container: string): Promise<string[] | undefined> {
  const client = await ReferenceClient.connect(port);
  const [reply] = await client.send([[container, "HELP"]]);
  client.close();
  return reply instanceof RespError ? undefined : (reply as unknown[]).map(String);
}
