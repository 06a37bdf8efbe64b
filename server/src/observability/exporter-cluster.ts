/** The fields of CLUSTER INFO under redis_exporter's names; none outside of cluster mode. */

import { CLUSTER_MESSAGE_NAMES, type ClusterFacts, type ClusterMessageFacts } from "./facts.ts";
import { bit, type Metric, metricsNamed, single } from "./metric.ts";

const { gauge, counter } = metricsNamed("redis_");

const FACTS: readonly (readonly [name: string, help: string, value: (facts: ClusterFacts) => number])[] = [
  ["cluster_state", "1 while the cluster serves", ({ isOk }) => bit(isOk)],
  ["cluster_slots_assigned", "Slots with an owner", ({ slotsAssigned }) => slotsAssigned],
  ["cluster_slots_ok", "Slots whose owner answers", ({ slotsOk }) => slotsOk],
  ["cluster_slots_pfail", "Slots whose owner is suspected", ({ slotsSuspected }) => slotsSuspected],
  ["cluster_slots_fail", "Slots whose owner failed", ({ slotsFailed }) => slotsFailed],
  ["cluster_known_nodes", "Nodes that this node knows", ({ knownNodes }) => knownNodes],
  ["cluster_size", "Primaries with slots", ({ shards }) => shards],
  ["cluster_current_epoch", "Highest epoch seen", ({ currentEpoch }) => currentEpoch],
  ["cluster_my_epoch", "Epoch of this node's slots", ({ ownEpoch }) => ownEpoch],
];

export const EXPORTER_CLUSTER: readonly Metric[] = [
  ...FACTS.map(([name, help, value]) => gauge(name, help, [], cluster(value))),
  counter("cluster_messages_sent_total", "Messages to other nodes", [], messages("sent")),
  counter("cluster_messages_received_total", "Messages from other nodes", [], messages("received")),
  ...CLUSTER_MESSAGE_NAMES.flatMap((name) =>
    (["sent", "received"] as const).map((direction) =>
      counter(
        `cluster_stats_messages_${metricWord(name)}_${direction}`,
        `Those of kind "${name}"`,
        [],
        messages(direction, name),
      ),
    ),
  ),
];

function cluster(value: (facts: ClusterFacts) => number): Metric["read"] {
  return ({ sources }) => {
    const facts = sources.cluster();
    return single(facts === undefined ? undefined : value(facts));
  };
}

/** Of one kind: nothing before the first. */
function messages(direction: "sent" | "received", name?: ClusterMessageFacts["name"]): Metric["read"] {
  return ({ sources }) => {
    const facts = sources.cluster();
    if (facts === undefined) return [];
    const wanted = facts.messages.filter((row) => name === undefined || row.name === name);
    const sum = wanted.reduce((total, row) => total + row[direction], 0);
    return single(name !== undefined && sum === 0 ? undefined : sum);
  };
}

function metricWord(name: string): string {
  return name.replaceAll("-", "_");
}
