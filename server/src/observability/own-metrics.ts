/** What this server has and redis_exporter has no name for. */

import type { EventLoopDelay } from "./event-loop-delay.ts";
import { bit, type Metric, metricsNamed, samplesOf, single } from "./metric.ts";

const QUANTILES = [0.5, 0.99, 0.999, 1];

const { gauge } = metricsNamed("kvcluster_");

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
    gauge("event_loop_delay_seconds", "How late timers came since the last scrape", ["quantile"], () =>
      samplesOf(
        delay.take(QUANTILES),
        ({ quantile }) => ({ quantile: String(quantile) }),
        ({ seconds }) => seconds,
      ),
    ),
  ];
}
