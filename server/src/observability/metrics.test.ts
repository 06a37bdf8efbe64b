import { expect, test } from "vitest";
import type { ClusterFacts } from "./facts.ts";
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
  messages: [
    { name: "ping", sent: 5, received: 4 },
    { name: "auth-req", sent: 1, received: 0 },
  ],
} as const satisfies ClusterFacts;

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

test("the times of commands are a histogram and a summary, as redis_exporter makes them", async () => {
  const { text } = await createMetricsReader(QUIET_FACTS)();
  expect(text).toContain("# TYPE redis_commands_latencies_usec histogram\n");
  expect(linesOf(text, "redis_commands_latencies_usec")).toEqual([
    '_bucket{cmd="get",le="1"} 3',
    '_bucket{cmd="get",le="4"} 4',
    '_bucket{cmd="get",le="+Inf"} 4',
    '_sum{cmd="get"} 10',
    '_count{cmd="get"} 4',
  ]);
  expect(text).toContain("# TYPE redis_latency_percentiles_usec summary\n");
  expect(linesOf(text, "redis_latency_percentiles_usec")).toEqual([
    '{cmd="get",quantile="50"} 1',
    '{cmd="get",quantile="99.9"} 2.5',
    '_sum{cmd="get"} 10',
    '_count{cmd="get"} 4',
  ]);
});

test("slow commands are told in seconds; without any there are zeros", async () => {
  const { text } = await createMetricsReader(QUIET_FACTS)();
  expect(text).toContain('redis_latency_spike_last{event_name="command"} 1700000050\n');
  expect(text).toContain('redis_latency_spike_duration_seconds{event_name="command"} 0.25\n');
  expect(text).toContain("redis_slowlog_length 2\n");
  expect(text).toContain("redis_slowlog_last_id 6\n");
  expect(text).toContain("redis_last_slow_execution_duration_seconds 0.0125\n");
  const slowLog = () => ({ length: 0, last: undefined });
  const quiet = (await createMetricsReader({ ...QUIET_FACTS, slowLog, latencySpikes: () => [] })()).text;
  expect(linesOf(quiet, "redis_latency_spike_last")).toEqual([]);
  expect(quiet).toContain("redis_slowlog_last_id 0\n");
  expect(quiet).toContain("redis_last_slow_execution_duration_seconds 0\n");
});

test("settings are told, and the keys of empty databases", async () => {
  const { text } = await createMetricsReader(QUIET_FACTS)();
  expect(linesOf(text, "redis_config_client_output_buffer_limit_bytes")).toEqual([
    '{class="slave",limit="hard"} 3145728',
    '{class="slave",limit="soft"} 1048576',
  ]);
  expect(linesOf(text, "redis_config_client_output_buffer_limit_overcome_seconds")).toEqual([
    '{class="slave",limit="soft"} 60',
  ]);
  expect(linesOf(text, "redis_db_keys")).toEqual(['{db="db0"} 10', '{db="db1"} 0', '{db="db2"} 0', '{db="db3"} 0']);
  expect(linesOf(text, "redis_db_avg_ttl_seconds")).toEqual(['{db="db0"} 1']);
});

test("messages of the cluster bus are counted by kind, those that there were", async () => {
  const { text } = await createMetricsReader({ ...QUIET_FACTS, cluster: () => CLUSTER })();
  expect(text).toContain("redis_cluster_messages_sent_total 6\n");
  expect(text).toContain("redis_cluster_messages_received_total 4\n");
  expect(text).toContain("redis_cluster_stats_messages_auth_req_sent 1\n");
  expect(linesOf(text, "redis_cluster_stats_messages_auth_req_received")).toEqual([]);
});

test("the delay of the event loop is told by quantiles", async () => {
  const take = (quantiles: readonly number[]) => quantiles.map((quantile) => ({ quantile, seconds: quantile / 4 }));
  const { text } = await createMetricsReader(QUIET_FACTS, { take })();
  expect(text).toContain('kvcluster_event_loop_delay_seconds{quantile="0.99"} 0.2475\n');
});

test("snapshots are told by the slices they are written in", async () => {
  const { text } = await createMetricsReader(QUIET_FACTS)();
  expect(text.split("\n").filter((line) => line.startsWith("kvcluster_snapshot_"))).toEqual([
    "kvcluster_snapshot_slices_total 12",
    "kvcluster_snapshot_slice_seconds_total 0.015",
    "kvcluster_snapshot_longest_slice_seconds 0.002",
    "kvcluster_snapshot_waiting_bytes 4096",
  ]);
});

test("a replica that loads beside the data it serves is ready", () => {
  const loading = { startedAtMs: 0, totalBytes: 1, loadedBytes: 0, isServing: true };
  const sources = { ...QUIET_FACTS, persistence: () => ({ ...QUIET_FACTS.persistence(), loading }) };
  expect(readiness(sources).isReady).toBe(true);
});

test("a quiet primary is ready; loading, a lost primary and a broken cluster are each a reason not to be", () => {
  expect(readiness(QUIET_FACTS)).toEqual({ isReady: true, reasons: [] });
  const loading = { startedAtMs: 0, totalBytes: 1, loadedBytes: 0, isServing: false };
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

/** The samples of a metric, without its name. */
function linesOf(text: string, name: string): string[] {
  const own = new RegExp(`^${name}(?:_bucket|_sum|_count)?[ {]`);
  return text.split("\n").flatMap((line) => (own.test(line) ? [line.slice(name.length)] : []));
}
