import { describe, expect, it } from "vitest";
import { parseClusterInfo, parseNodeInfo } from "./node-info.ts";

describe("parseNodeInfo", () => {
  it("reads a primary and adds up the keys of its databases", () => {
    const text =
      "# Server\r\nuptime_in_seconds:77\r\n# Persistence\r\nloading:0\r\nrdb_changes_since_last_save:0\r\nrdb_bgsave_in_progress:0\r\n# Replication\r\nrole:master\r\n" +
      "master_repl_offset:4242\r\n# Keyspace\r\ndb0:keys=12,expires=1,avg_ttl=0\r\ndb9:keys=3,expires=0,avg_ttl=0\r\n";
    expect(parseNodeInfo(text)).toEqual({
      role: "primary",
      isLoading: false,
      uptimeSeconds: 77,
      keys: 15,
      keysElsewhere: 3,
      isSaved: true,
      replicationOffset: 4242,
      primaryHost: undefined,
      isPrimaryLinkUp: false,
      primaryLinkDownSeconds: 77,
      primaryHeardSeconds: Number.POSITIVE_INFINITY,
      replicaHosts: [],
      isFullSyncRunning: false,
      replicationId: "",
      previousReplicationId: "",
      group: undefined,
    });
  });

  it("takes nothing for saved that is not, is being saved, or is not told of", () => {
    const of = (changes: number, saving: number) =>
      parseNodeInfo(`rdb_changes_since_last_save:${changes}\r\nrdb_bgsave_in_progress:${saving}\r\n`).isSaved;
    expect([of(0, 0), of(1, 0), of(0, 1), parseNodeInfo("").isSaved]).toEqual([true, false, false, false]);
  });

  it("reads a replica by its own offset and its link", () => {
    const text =
      "role:slave\nmaster_host:10.1.2.3\nmaster_link_status:up\nslave_repl_offset:9\nmaster_repl_offset:8\nmaster_sync_in_progress:0";
    expect(parseNodeInfo(text)).toMatchObject({
      role: "replica",
      replicationOffset: 9,
      primaryHost: "10.1.2.3",
      isPrimaryLinkUp: true,
      primaryLinkDownSeconds: 0,
    });
  });

  it("reads the disk, where the server tells of it, and what the next save needs", () => {
    expect(parseNodeInfo("role:master").disk).toBeUndefined();
    const text = "disk_size_bytes:1000\ndisk_available_bytes:400\ndisk_snapshot_bytes:50\naof_base_size:60";
    expect(parseNodeInfo(text).disk).toEqual({ sizeBytes: 1000, availableBytes: 400, nextSaveBytes: 60 });
  });

  it("counts a link that never was up as down for the whole life of the process", () => {
    const text = "uptime_in_seconds:40\nrole:slave\nmaster_link_status:down\nmaster_link_down_since_seconds:-1";
    expect(parseNodeInfo(text).primaryLinkDownSeconds).toBe(40);
    expect(parseNodeInfo(text.replace(":-1", ":12")).primaryLinkDownSeconds).toBe(12);
  });
});

describe("parseClusterInfo", () => {
  it("reads state and current epoch, and takes what is missing as not ok", () => {
    expect(parseClusterInfo("cluster_state:ok\r\ncluster_current_epoch:6\r\n")).toEqual({
      isOk: true,
      currentEpoch: 6,
    });
    expect(parseClusterInfo("")).toEqual({ isOk: false, currentEpoch: 0 });
  });
});
