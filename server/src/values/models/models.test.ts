import { describe, it } from "vitest";
import { MODEL_CHECKS } from "./all-models.ts";

/** Always the same operations: what this finds is found by everybody. */
const SEED = 20_260_101;

describe("structures and their models", () => {
  it.each(MODEL_CHECKS)("agree: $name", ({ check }) => {
    check({ runs: 10, operations: 400, seed: SEED });
  });
});
