import { describe, expect, test } from "vitest";
import { runCompacting } from "./random-commands-compacting.ts";
import { hasReferenceServer } from "./reference-server.ts";

const CALLS = 5000;

describe.runIf(hasReferenceServer)("compaction between random calls", () => {
  test("changes no answer and no data", async () => {
    const result = await runCompacting({ seed: 11, calls: CALLS });
    expect(result.failure, result.failure).toBeUndefined();
    expect(result.movedBlocks).toBeGreaterThan(CALLS / 100);
  });
});
