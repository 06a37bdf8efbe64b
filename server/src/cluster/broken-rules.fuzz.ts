/** That the simulation of faults finds a broken rule: each of these is left out in turn. */

import { afterEach, expect, test, vi } from "vitest";
import type { ClusterState } from "./state.ts";

const SEEDS = 400;
const RETRY_MS = 3000;

const broken = { rule: "" };

vi.mock("./settle.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("./settle.ts")>();
  return {
    ...original,
    settle(state: ClusterState) {
      const effects = original.settle(state);
      if (broken.rule === "a primary without a majority stops") state.isOk = true;
      return effects;
    },
  };
});

vi.mock("./slot-claims.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("./slot-claims.ts")>();
  return {
    ...original,
    applyClaim(...[state, claimant, epoch, slots]: Parameters<typeof original.applyClaim>) {
      const isAnyNewer = broken.rule === "a claim of an older epoch is nothing";
      original.applyClaim(state, claimant, isAnyNewer ? Number.MAX_SAFE_INTEGER : epoch, slots);
    },
  };
});

vi.mock("./election.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("./election.ts")>();
  return {
    ...original,
    answerVoteRequest(...[state, request]: Parameters<typeof original.answerVoteRequest>) {
      original.answerVoteRequest(state, request);
      if (broken.rule !== "a primary votes once in an epoch") return;
      state.lastVoteEpoch = 0;
      for (const node of state.nodes.values()) node.votedAt = 0;
    },
    runElection(state: ClusterState) {
      const { hasAsked, startAt } = state.election;
      const hasFailed = hasAsked && state.now - startAt > RETRY_MS;
      if (broken.rule !== "who was not elected asks again" || !hasFailed) original.runElection(state);
    },
  };
});

vi.mock("./start-guard.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("./start-guard.ts")>();
  return {
    ...original,
    beginLife(state: ClusterState) {
      original.beginLife(state);
      if (broken.rule === "a primary that has lost its data waits for who has it") state.guard.isHolding = false;
    },
  };
});

afterEach(() => {
  broken.rule = "";
});

test.each([
  ["a primary without a majority stops", /without a majority/],
  ["a claim of an older epoch is nothing", /epoch|agree|data|owns/],
  ["a primary votes once in an epoch", /in epoch/],
  ["who was not elected asks again", /nobody owns shard|agree/],
  ["a primary that has lost its data waits for who has it", /data/],
])("without the rule '%s' an invariant is hurt", async (rule, invariant) => {
  const { simulateFaults } = await import("./simulated-faults.ts");
  broken.rule = rule;
  const hurt: string[] = [];
  for (let seed = 1; seed <= SEEDS && hurt.length === 0; seed++) {
    try {
      simulateFaults(seed);
    } catch (error) {
      hurt.push(`${seed}: ${(error as Error).message}`);
    }
  }
  process.stdout.write(`without "${rule}": seed ${hurt[0]}\n`);
  expect(hurt[0]).toMatch(invariant);
});
