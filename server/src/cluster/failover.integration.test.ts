/**
 * Primaries that die or are cut off, and a cluster that moves as a whole; longer, and with what is promised of the time, in the
 * `*.fuzz.ts` of each. Other tests run beside these, so no time is measured here.
 */

import { describe, expect, test } from "vitest";
import { hasNamespaces } from "../testing/network-namespaces.ts";
import type { FailoverOptions } from "./failover-stage.ts";
import { killPrimaries } from "./killed-primaries.ts";
import { moveCluster } from "./moved-cluster.ts";
import { splitCluster } from "./partitions.ts";

const OPTIONS = { seed: Date.now() % 1_000_000_000, rounds: 2, nodeTimeoutMs: 1500, isTimed: false };

describe("A cluster of six", { timeout: 120_000 }, () => {
  test.concurrent("goes on without primaries that are killed, and loses nothing that was promised", () =>
    play(killPrimaries));

  test
    .runIf(hasNamespaces)
    .concurrent("goes on without primaries that are cut off, and these stop", () => play(splitCluster));

  test.runIf(hasNamespaces).concurrent("finds together on other addresses", () => play(moveCluster));
});

async function play(scenario: (options: FailoverOptions) => Promise<string>): Promise<void> {
  const text = await scenario(OPTIONS);
  process.stdout.write(`${text}\n`);
  expect(text).toContain("acknowledged");
}
