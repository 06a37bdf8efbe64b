/**
 * Primaries that die or are cut off, and a cluster that moves as a whole; longer, and with what is promised of the time, in the
 * `*.fuzz.ts` of each. Other tests run beside these, so no time is measured here.
 */

import { describe, expect, test } from "vitest";
import { needNamespaces } from "../testing/network-namespaces.ts";
import type { FailoverOptions } from "./failover-stage.ts";
import { killPrimaries } from "./killed-primaries.ts";
import { moveCluster } from "./moved-cluster.ts";
import { splitCluster } from "./partitions.ts";

const OPTIONS = { seed: Date.now() % 1_000_000_000, rounds: 2, nodeTimeoutMs: 1500, isTimed: false };

describe("A cluster of six", { timeout: 120_000 }, () => {
  test.concurrent("goes on without primaries that are killed, and loses nothing that was promised", () =>
    play(killPrimaries));

  test.concurrent("goes on without primaries that are cut off, and these stop", ({ skip }) => {
    needNamespaces(skip);
    return play(splitCluster);
  });

  test.concurrent("finds together on other addresses", ({ skip }) => {
    needNamespaces(skip);
    return play(moveCluster);
  });
});

async function play(scenario: (options: FailoverOptions) => Promise<string>): Promise<void> {
  const text = await scenario(OPTIONS);
  process.stdout.write(`${text}\n`);
  expect(text).toContain("acknowledged");
}
