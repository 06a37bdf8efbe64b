// Which backups of a schedule have to go, as a pure decision: all but the newest `keepLast` completed ones, and failed
// ones that are older than all of those. Backups under way never go.
import type { KVBackup } from "../api/kv-backup.ts";

export function expiredBackups(backups: readonly KVBackup[], keepLast: number | undefined): KVBackup[] {
  if (keepLast === undefined) {
    return [];
  }
  const newestFirst = [...backups].sort((a, b) => (orderOf(a) < orderOf(b) ? 1 : -1));
  const completed = newestFirst.filter(({ status }) => status?.phase === "Completed");
  const oldestKept = completed[keepLast - 1];
  if (oldestKept === undefined) {
    return [];
  }
  return newestFirst.filter(
    (backup) =>
      orderOf(backup) < orderOf(oldestKept) &&
      (backup.status?.phase === "Completed" || backup.status?.phase === "Failed"),
  );
}

/** By creation, then by name, which holds the slot. */
function orderOf({ metadata }: KVBackup): string {
  return `${metadata.creationTimestamp ?? ""} ${metadata.name}`;
}
