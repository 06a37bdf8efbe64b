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
  expect(first.text).toContain("redis_commands_processed_total 5\n");
  expect(first.text).toContain('redis_commands_total{cmd="get"} 4\n');
  expect(first.text).toContain('redis_db_keys{db="db0"} 10\n');
  expect(first.text).toContain("redis_cluster_state 0\n");
  expect(first.text).toContain("redis_rdb_last_bgsave_status 1\n");
  expect(first.text).toMatch(/^redis_instance_info\{role="master",redis_version="[^"]+",.*\} 1$/m);
  expect(first.text).toContain("kvcluster_is_primary 1\n");
  commands = 9;
  expect((await read()).text).toContain("redis_commands_processed_total 9\n");
});

test("what there is nothing to tell of has no sample", async () => {
  const { text } = await createMetricsReader(QUIET_FACTS)();
  expect(text).toContain("# TYPE redis_cluster_state gauge\n");
  expect(text).not.toMatch(/^redis_cluster_state /m);
  expect(text).not.toMatch(/^redis_master_link_up/m);
});

test("no name is there twice, each source is asked once, and counters end as counters do", async () => {
  let asked = 0;
  const memory = () => {
    asked++;
    return QUIET_FACTS.memory();
  };
  const { text } = await createMetricsReader({ ...QUIET_FACTS, memory })();
  expect(asked).toBe(1);
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(120);
  expect(new Set(names).size).toBe(names.length);
  expect(text).toContain("# TYPE redis_commands_processed_total counter\n");
});

test("the delay of the event loop is told by quantiles", async () => {
  const take = (quantiles: readonly number[]) => quantiles.map((quantile) => ({ quantile, seconds: quantile / 4 }));
  const { text } = await createMetricsReader(QUIET_FACTS, { take })();
  expect(text).toContain('kvcluster_event_loop_delay_seconds{quantile="0.99"} 0.2475\n');
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
