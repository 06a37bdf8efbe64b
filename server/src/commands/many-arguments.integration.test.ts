/** Requests of as many arguments as a client may send, to commands whose effect is told to replicas in other words. */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

const COUNT = 500_000;
const NAMES = Array.from({ length: COUNT }, (_, k) => `n${k}`);
const PAIRS = NAMES.flatMap((name) => [name, "v"]);

describe(`${COUNT} names in one request`, () => {
  let server: OwnServer;
  let client: RawClient;
  beforeAll(async () => {
    server = await startOwnServer();
    client = await RawClient.connect(server.port);
  });
  afterAll(async () => {
    client.close();
    await server.stop();
  });

  test.each([
    ["MSETEX", [String(COUNT), ...PAIRS], ":1"],
    ["DEL", NAMES, `:${COUNT}`],
    ["HSETEX", ["hash", "EX", "100", "FIELDS", String(COUNT), ...PAIRS], ":1"],
    ["SADD", ["set", ...NAMES], `:${COUNT}`],
    ["SPOP", ["set", String(COUNT - 1)], `*${COUNT - 1}`],
  ])(
    "%s is served",
    async (name, args, reply) => {
      client.write(encodeCommand([name, ...args]));
      const [bytes] = await client.replies(1);
      expect(bytes?.toString("latin1", 0, reply.length)).toBe(reply);
    },
    60_000,
  );
});
