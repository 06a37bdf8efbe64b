import { conditionOf } from "../api/condition.ts";
import type { KVCluster } from "../api/kv-cluster.ts";

/** What one condition says; `reason` is one word for machines, `message` a sentence for people. */
export interface ConditionVerdict {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

/** What the condition said last, for who does not know better just now; undefined if there was none. */
export function lastVerdict({ status }: KVCluster, type: string): ConditionVerdict | undefined {
  const known = conditionOf(status, type);
  return known && { type, status: known.status, reason: known.reason, message: known.message };
}
