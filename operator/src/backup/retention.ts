// Which backups of a schedule have to go, as a pure decision: all but the newest `keepLast` completed ones; of the failed
// ones those that are older than all of these, and all but the newest few. Backups under way never go.
import type { KVBackup } from "../api/kv-backup.ts";

/** Enough to see since when and why; a schedule that only fails must not pile them up. */
const MAX_FAILED = 10;

export function expiredBackups(backups: readonly KVBackup[], keepLast: number | undefined): KVBackup[] {
  if (keepLast === undefined) {
    return [];
  }
  const newestFirst = [...backups].sort((a, b) => (orderOf(a) < orderOf(b) ? 1 : -1));
  const completed = newestFirst.filter(({ status }) => status?.phase === "Completed");
  const failed = newestFirst.filter(({ status }) => status?.phase === "Failed");
  const oldestKept = completed[keepLast - 1];
  const isOutlived = (backup: KVBackup) => oldestKept !== undefined && orderOf(backup) < orderOf(oldestKept);
  const expired = new Set([
    ...completed.slice(keepLast),
    ...failed.filter((backup, index) => index >= MAX_FAILED || isOutlived(backup)),
  ]);
  return newestFirst.filter((backup) => expired.has(backup));
}

/** By creation, then by name, which holds the slot. */
function orderOf({ metadata }: KVBackup): string {
  return `${metadata.creationTimestamp ?? ""} ${metadata.name}`;
}
