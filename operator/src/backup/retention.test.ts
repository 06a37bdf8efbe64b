import { describe, expect, it } from "vitest";
import type { KVBackup } from "../api/kv-backup.ts";
import { expiredBackups } from "./retention.ts";

function backup(hour: number, phase: "Pending" | "Running" | "Completed" | "Failed"): KVBackup {
  const creationTimestamp = `2026-01-01T${String(hour).padStart(2, "0")}:00:00Z`;
  return {
    apiVersion: "kvcluster.dev/v1alpha1",
    kind: "KVBackup",
    metadata: { namespace: "apps", name: `b-${hour}`, creationTimestamp },
    status: { phase },
  } as unknown as KVBackup;
}

const expired = (backups: readonly KVBackup[], keepLast: number | undefined) =>
  expiredBackups(backups, keepLast).map(({ metadata }) => metadata.name);

describe("retention", () => {
  it("keeps the newest completed backups", () => {
    const backups = [backup(2, "Completed"), backup(4, "Completed"), backup(1, "Completed"), backup(3, "Completed")];
    expect(expired(backups, 2)).toEqual(["b-2", "b-1"]);
  });

  it("keeps everything when nothing is said, and when there are no more than that", () => {
    expect(expired([backup(1, "Completed"), backup(2, "Completed")], undefined)).toEqual([]);
    expect(expired([backup(1, "Completed"), backup(2, "Completed")], 2)).toEqual([]);
  });

  it("never counts failed backups as kept, and lets them go when they are older than all kept ones", () => {
    const backups = [backup(1, "Failed"), backup(2, "Completed"), backup(3, "Failed"), backup(4, "Failed")];
    expect(expired(backups, 1)).toEqual(["b-1"]);
  });

  it("does not let failed backups pile up when none completes", () => {
    const backups = Array.from({ length: 12 }, (_, hour) => backup(hour, "Failed"));
    expect(expired(backups, 2)).toEqual(["b-1", "b-0"]);
    expect(expired(backups.slice(2), 2)).toEqual([]);
  });

  it("never lets a backup go that is under way, and never the last good one", () => {
    const backups = [backup(1, "Running"), backup(2, "Completed"), backup(3, "Failed"), backup(4, "Pending")];
    expect(expired(backups, 1)).toEqual([]);
  });
});
