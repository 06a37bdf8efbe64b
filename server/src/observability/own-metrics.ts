/** What this server has and redis_exporter has no name for. */

import type { EventLoopDelay } from "./event-loop-delay.ts";
import type { SnapshotFacts } from "./facts.ts";
import { bit, type Metric, metricsNamed, samplesOf, single } from "./metric.ts";

const QUANTILES = [0.5, 0.99, 0.999, 1];

const { gauge, counter } = metricsNamed("kvcluster_");

/** A snapshot has no process of its own: its slices are what the exporter's fork and copy-on-write figures are of Redis. */
const SNAPSHOT_METRICS: readonly Metric[] = [
  counter(
    "snapshot_slices_total",
    "Turns in which snapshots were written between commands",
    [],
    snapshots(({ slices }) => slices),
  ),
  counter(
    "snapshot_slice_seconds_total",
    "Time that they took",
    [],
    snapshots(({ sliceSeconds }) => sliceSeconds),
  ),
  gauge(
    "snapshot_longest_slice_seconds",
    "The longest of the snapshot under way, or of the last",
    [],
    snapshots(({ longestSliceSeconds }) => longestSliceSeconds),
  ),
  gauge(
    "snapshot_waiting_bytes",
    "Memory of the snapshot under way that waits for a file, a replica or the end of a large value",
    [],
    snapshots(({ waitingBytes }) => waitingBytes),
  ),
];

/** `delay` is asked once a scrape, and begins anew then. */
export function ownMetrics(delay: EventLoopDelay): readonly Metric[] {
  return [
    gauge("is_primary", "1 on a primary, 0 on a replica", [], ({ sources }) =>
      single(bit(sources.replication().primaryLink === undefined)),
    ),
    gauge("replica_lag_bytes", "Bytes each replica is behind", ["replica"], ({ sources }) => {
      const { offset, replicas } = sources.replication();
      return samplesOf(
        replicas,
        ({ address, port }) => ({ replica: `${address}:${port}` }),
        (replica) => Math.max(0, offset - replica.offset),
      );
    }),
    gauge("cluster_own_slots", "Slots this node serves", [], ({ sources }) => single(sources.cluster()?.ownSlots)),
    gauge("memory_arena_bytes", "Memory the arena took from the system", [], ({ sources }) =>
      single(sources.memory().arenaBytes),
    ),
    gauge("memory_stored_bytes", "Blocks of the arena in use", [], ({ sources }) =>
      single(sources.memory().storedBytes),
    ),
    gauge("memory_heap_bytes", "Garbage-collected heap in use", [], ({ sources }) =>
      single(sources.memory().heapBytes),
    ),
    ...SNAPSHOT_METRICS,
    gauge("event_loop_delay_seconds", "How late timers came since the last scrape", ["quantile"], () =>
      samplesOf(
        delay.take(QUANTILES),
        ({ quantile }) => ({ quantile: String(quantile) }),
        ({ seconds }) => seconds,
      ),
    ),
  ];
}

function snapshots(value: (facts: SnapshotFacts) => number): Metric["read"] {
  return ({ sources }) => single(value(sources.persistence().snapshots));
}
