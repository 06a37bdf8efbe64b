import { expect, test } from "vitest";
import { QUIET_FACTS } from "./fake-facts.ts";
import { createMetricsReader } from "./metrics.ts";
import { readiness, statusOf } from "./status.ts";

const CLUSTER = {
  isOk: false,
  slotsAssigned: 10923,
  slotsOk: 5461,
  slotsSuspected: 0,
  slotsFailed: 5462,
  ownSlots: 5461,
  knownNodes: 6,
  shards: 3,
  currentEpoch: 7,
  ownEpoch: 1,
  nodeId: "c".repeat(40),
};

test("metrics follow the facts at each scrape", async () => {
  let commands = 5;
  const read = createMetricsReader({
    ...QUIET_FACTS,
    statistics: () => ({ ...QUIET_FACTS.statistics(), commands }),
    cluster: () => CLUSTER,
  });
  const first = await read();
  expect(first.contentType).toContain("text/plain");
  expect(first.text).toContain("kvcluster_commands_processed_total 5\n");
  expect(first.text).toContain('kvcluster_command_calls_total{command="get"} 4\n');
  expect(first.text).toContain('kvcluster_keys{db="0"} 10\n');
  expect(first.text).toContain("kvcluster_cluster_state_ok 0\n");
  expect(first.text).toContain("kvcluster_is_primary 1\n");
  commands = 9;
  expect((await read()).text).toContain("kvcluster_commands_processed_total 9\n");
});

test("a quiet primary is ready; loading, a lost primary and a broken cluster are each a reason not to be", () => {
  expect(readiness(QUIET_FACTS)).toEqual({ isReady: true, reasons: [] });
  const loading = { startedAtMs: 0, totalBytes: 1, loadedBytes: 0 };
  const broken = readiness({
    ...QUIET_FACTS,
    persistence: () => ({ ...QUIET_FACTS.persistence(), loading }),
    cluster: () => CLUSTER,
  });
  expect(broken.isReady).toBe(false);
  expect(broken.reasons).toEqual([
    "The data set is still loading",
    "The cluster is not serving: 5461 of 10923 assigned slots are reachable",
  ]);
});

test("status is JSON with role, lag and epoch", () => {
  const status = statusOf({
    ...QUIET_FACTS,
    cluster: () => CLUSTER,
    replication: () => ({
      ...QUIET_FACTS.replication(),
      offset: 100,
      replicas: [{ address: "10.0.0.2", port: 6379, state: "online", offset: 60, lagSeconds: 0 }],
    }),
  });
  const parsed = JSON.parse(JSON.stringify(status));
  expect(parsed.role).toBe("primary");
  expect(parsed.replication.replicas[0].lagBytes).toBe(40);
  expect(parsed.cluster.currentEpoch).toBe(7);
  expect(parsed.keys).toBe(10);
});
