/**
 * The JSON of /status and the verdict of /readyz, from the same facts as INFO. The operator reads these instead of
 * parsing texts: a field may be added, none changes its meaning.
 */

import type { FactSources, ReplicationFacts } from "./facts.ts";
import { COMPATIBLE_VERSION, PRODUCT_NAME, PRODUCT_VERSION } from "./product.ts";

export interface Readiness {
  readonly isReady: boolean;
  /** Why not, one sentence each. */
  readonly reasons: readonly string[];
}

/**
 * Ready means: a client sent here is served. A cluster node without slots or peers is alive but not ready; whoever forms
 * the cluster reaches it through a Service that publishes addresses that are not ready.
 */
export function readiness(sources: FactSources): Readiness {
  const reasons: string[] = [];
  if (sources.persistence().loading?.isServing === false) reasons.push("The data set is still loading");
  const link = sources.replication().primaryLink;
  if (link !== undefined && !link.isUp) {
    reasons.push(`The link to the primary '${link.host}:${link.port}' is down: ${link.downSeconds} s without it`);
  }
  const cluster = sources.cluster();
  if (cluster !== undefined && !cluster.isOk) {
    reasons.push(
      `The cluster is not serving: ${cluster.slotsOk} of ${cluster.slotsAssigned} assigned slots are reachable`,
    );
  }
  return { isReady: reasons.length === 0, reasons };
}

export function statusOf(sources: FactSources) {
  const server = sources.server();
  const memory = sources.memory();
  const persistence = sources.persistence();
  const replication = sources.replication();
  const databases = sources.keyspace();
  return {
    name: PRODUCT_NAME,
    version: PRODUCT_VERSION,
    compatibleVersion: COMPATIBLE_VERSION,
    runId: server.runId,
    uptimeSeconds: Math.floor((server.nowUs / 1000 - server.startedAtMs) / 1000),
    ...readiness(sources),
    role: replication.primaryLink === undefined ? "primary" : "replica",
    replication: replicationStatus(replication),
    cluster: sources.cluster() ?? null,
    persistence: { ...persistence, loading: persistence.loading ?? null },
    memory: {
      usedBytes: memory.usedBytes,
      peakBytes: memory.peakBytes,
      residentBytes: memory.residentBytes,
      limitBytes: memory.limitBytes,
      policy: memory.policy,
    },
    clients: sources.clients(),
    keys: databases.reduce((sum, database) => sum + database.keys, 0),
    databases,
  };
}

function replicationStatus(facts: ReplicationFacts) {
  return {
    id: facts.id,
    previousId: facts.previousId,
    offset: facts.offset,
    primary: facts.primaryLink ?? null,
    replicas: facts.replicas.map((replica) => ({ ...replica, lagBytes: Math.max(0, facts.offset - replica.offset) })),
  };
}
