/** That the simulation of moves finds a broken rule: each of these is left out in turn. */

import { afterEach, expect, test, vi } from "vitest";

const SEEDS = 400;

const broken = { rule: "" };

vi.mock("./node-moves.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("./node-moves.ts")>();
  return {
    ...original,
    NodeMoves: class extends original.NodeMoves {
      override get holdsWrites(): boolean {
        return broken.rule !== "the source takes no writes while slots change hands" && super.holdsWrites;
      }
    },
  };
});

vi.mock("./slot-drops.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("./slot-drops.ts")>();
  return {
    ...original,
    SlotDrops: class extends original.SlotDrops {
      override add(slots: ReadonlySet<number>, done: () => void): void {
        if (broken.rule === "the target deletes what came of a move that has failed") done();
        else super.add(slots, done);
      }
    },
  };
});

vi.mock("../cluster/disowned-slots.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("../cluster/disowned-slots.ts")>();
  return {
    ...original,
    isDisowned(...[state, slot]: Parameters<typeof original.isDisowned>) {
      return broken.rule !== "what its owner does not claim is whose who does" && original.isDisowned(state, slot);
    },
  };
});

afterEach(() => {
  broken.rule = "";
});

test.each([
  ["the source takes no writes while slots change hands", /without writes|lost/],
  ["the target deletes what came of a move that has failed", /not its own|surplus/],
  ["what its owner does not claim is whose who does", /agree|owns/],
])("without the rule '%s' an invariant is hurt", async (rule, invariant) => {
  const { simulateMoves } = await import("./simulated-moves.ts");
  broken.rule = rule;
  let hurt: string | undefined;
  for (let seed = 1; seed <= SEEDS && hurt === undefined; seed++) {
    try {
      simulateMoves(seed);
    } catch (error) {
      const { message } = error as Error;
      if (invariant.test(message)) hurt = `${seed}: ${message}`;
    }
  }
  process.stdout.write(`without "${rule}": seed ${hurt}\n`);
  expect(hurt).toBeDefined();
});
