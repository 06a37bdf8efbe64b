import { expect, test } from "vitest";
import { needNamespaces } from "../testing/network-namespaces.ts";
import { moveCluster } from "./moved-cluster.ts";

const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const ROUNDS = Math.min(1000, Number(process.env.CALLS || 10));

test(`A cluster whose nodes all come back on other addresses, ${ROUNDS} times from seed ${SEED}, is healthy in time`, async ({
  skip,
}) => {
  needNamespaces(skip);
  const text = await moveCluster({ seed: SEED, rounds: ROUNDS, nodeTimeoutMs: 5000, isTimed: true });
  process.stdout.write(`${text}\n`);
  expect(text).toContain("acknowledged");
});
