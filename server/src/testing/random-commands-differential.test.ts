/** A few thousand random calls with fixed seeds; `make fuzz` goes on with new ones. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runRandomCommands } from "./random-commands.ts";
import { hasReferenceServer } from "./reference-server.ts";
import { type ServerPair, startServerPair } from "./server-pair.ts";

const CALLS_OF_SEED = 5000;

describe.runIf(hasReferenceServer)("random calls of all commands beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  test.each([1, 1000, 2000])("seed %i: every reply and all that is stored are the same", async (seed) => {
    const result = await runRandomCommands({ ports: pair.ports, seed, calls: CALLS_OF_SEED });
    expect(result.failure, result.failure).toBeUndefined();
    expect(result.calls).toBeGreaterThanOrEqual(CALLS_OF_SEED);
    expect(result.commands.length).toBeGreaterThan(150);
  });
});
