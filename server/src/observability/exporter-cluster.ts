/** The fields of CLUSTER INFO under redis_exporter's names; none outside of cluster mode. */

import { CLUSTER_MESSAGE_NAMES, type ClusterFacts, type ClusterMessageFacts } from "./facts.ts";
import { bit, type Metric, metricsNamed, single } from "./metric.ts";

const { gauge, counter } = metricsNamed("redis_");

export const EXPORTER_CLUSTER: readonly Metric[] = [
  gauge(
    "cluster_state",
    "1 while the cluster serves",
    [],
    cluster(({ isOk }) => bit(isOk)),
  ),
  gauge(
    "cluster_slots_assigned",
    "Slots with an owner",
    [],
    cluster(({ slotsAssigned }) => slotsAssigned),
  ),
  gauge(
    "cluster_slots_ok",
    "Slots whose owner answers",
    [],
    cluster(({ slotsOk }) => slotsOk),
  ),
  gauge(
    "cluster_slots_pfail",
    "Slots whose owner is suspected",
    [],
    cluster(({ slotsSuspected }) => slotsSuspected),
  ),
  gauge(
    "cluster_slots_fail",
    "Slots whose owner failed",
    [],
    cluster(({ slotsFailed }) => slotsFailed),
  ),
  gauge(
    "cluster_known_nodes",
    "Nodes that this node knows",
    [],
    cluster(({ knownNodes }) => knownNodes),
  ),
  gauge(
    "cluster_size",
    "Primaries with slots",
    [],
    cluster(({ shards }) => shards),
  ),
  gauge(
    "cluster_current_epoch",
    "Highest epoch seen",
    [],
    cluster(({ currentEpoch }) => currentEpoch),
  ),
  gauge(
    "cluster_my_epoch",
    "Epoch of this node's slots",
    [],
    cluster(({ ownEpoch }) => ownEpoch),
  ),
  counter("cluster_messages_sent_total", "Messages to other nodes", [], messages("sent")),
  counter("cluster_messages_received_total", "Messages from other nodes", [], messages("received")),
  ...CLUSTER_MESSAGE_NAMES.flatMap((name) => [
    counter(`cluster_stats_messages_${metricWord(name)}_sent`, `Those of kind "${name}"`, [], messages("sent", name)),
    counter(
      `cluster_stats_messages_${metricWord(name)}_received`,
      `Those of kind "${name}"`,
      [],
      messages("received", name),
    ),
  ]),
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
