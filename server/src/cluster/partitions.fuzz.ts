import { expect, test } from "vitest";
import { needNamespaces } from "../testing/network-namespaces.ts";
import { splitCluster } from "./partitions.ts";

const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const ROUNDS = Math.min(1000, Number(process.env.CALLS || 20));

test(`Partitions, ${ROUNDS} from seed ${SEED}: one side goes on in time, the other stops, nothing is taken back`, async ({
  skip,
}) => {
  needNamespaces(skip);
  const text = await splitCluster({ seed: SEED, rounds: ROUNDS, nodeTimeoutMs: 5000, isTimed: true });
  process.stdout.write(`${text}\n`);
  expect(text).toContain("acknowledged");
});
