/** What the status remembers of a group (topology/plan-group.ts), there and back. */

import type { KVClusterStatus, ShardStatus } from "../api/kv-cluster-status.ts";
import type { GroupRecord } from "../topology/group-view.ts";

export function recordOf(status: KVClusterStatus | undefined): GroupRecord {
  const { primary, replicationId, copies = [] } = status?.shardStatus?.[0] ?? {};
  // A status of another mode has no copies: it says nothing of a group.
  return copies.length === 0
    ? { primary: undefined, replicationId: undefined, copies }
    : { primary, replicationId, copies };
}

export function recordedStatus({ primary, replicationId, copies }: GroupRecord): Partial<ShardStatus> {
  return {
    ...(primary === undefined ? {} : { primary }),
    ...(replicationId === undefined ? {} : { replicationId }),
    ...(copies.length === 0 ? {} : { copies: copies.map(({ pod, runId }) => ({ pod, runId })) }),
  };
}
