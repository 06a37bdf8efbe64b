import { describe, it } from "vitest";
import { MODEL_CHECKS } from "./all-models.ts";

/** Operations of each structure, and where they begin. */
const CALLS = Number(process.env.CALLS || 1_000_000);
const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const OPERATIONS = 2000;

describe(`structures and their models, seed ${SEED}`, () => {
  it.each(MODEL_CHECKS)("agree: $name", ({ check }) => {
    // A sequence is half as long as it may be, on average.
    check({ runs: Math.ceil((CALLS * 2) / OPERATIONS), operations: OPERATIONS, seed: SEED });
  });
});
