/**
 * Reads the `name:value` lines of INFO and CLUSTER INFO and picks out what the plan and status need. Fields that a
 * server does not report take the value that leads to no action (loading false, link down, offset 0).
 */

import type { GroupInfo } from "./group-view.ts";

export interface NodeInfo {
  readonly role: "primary" | "replica";
  readonly isLoading: boolean;
  readonly uptimeSeconds: number;
  /** Keys in all databases. */
  readonly keys: number;
  /** Those in databases that a cluster does not have, all but the first. */
  readonly keysElsewhere: number;
  /** All that it holds is on its disk. */
  readonly isSaved: boolean;
  /** What this node has written (primary) or applied (replica) of its replication stream. */
  readonly replicationOffset: number;
  readonly primaryHost: string | undefined;
  readonly isPrimaryLinkUp: boolean;
  /** How long the link to the primary has been down; all of its life where it never was up; 0 while it is up. */
  readonly primaryLinkDownSeconds: number;
  /** Since it heard of its primary; infinite where it does not. */
  readonly primaryHeardSeconds: number;
  /** Of a primary: the replicas that follow it, by the names that they announce. */
  readonly replicaHosts: readonly string[];
  readonly isFullSyncRunning: boolean;
  /** Which stream its data is a point of, and of which that was the continuation. */
  readonly replicationId: string;
  readonly previousReplicationId: string;
  /** Undefined where it has its role by itself. */
  readonly group: GroupInfo | undefined;
  /** Undefined where the server does not tell. */
  readonly disk: DiskInfo | undefined;
}

export interface DiskInfo {
  readonly sizeBytes: number;
  readonly availableBytes: number;
  /** What the next save of all data will need beside what is there, going by the last one. */
  readonly nextSaveBytes: number;
}

export interface ClusterInfo {
  readonly isOk: boolean;
  readonly currentEpoch: number;
}

export function parseFields(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0 && !line.startsWith("#")) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return fields;
}

export function parseNodeInfo(text: string): NodeInfo {
  const fields = parseFields(text);
  const isReplica = fields.get("role") === "slave";
  const uptimeSeconds = numberOf(fields, "uptime_in_seconds");
  const isPrimaryLinkUp = isReplica && fields.get("master_link_status") === "up";
  const downSeconds = numberOf(fields, "master_link_down_since_seconds", -1);
  return {
    role: isReplica ? "replica" : "primary",
    isLoading: fields.get("loading") === "1",
    uptimeSeconds,
    keys: countKeys(fields, /^db\d+$/),
    keysElsewhere: countKeys(fields, /^db[1-9]\d*$/),
    isSaved: isSaved(fields),
    replicationOffset: numberOf(fields, isReplica ? "slave_repl_offset" : "master_repl_offset"),
    primaryHost: isReplica ? fields.get("master_host") : undefined,
    isPrimaryLinkUp,
    primaryLinkDownSeconds: isPrimaryLinkUp ? 0 : downSeconds >= 0 ? downSeconds : uptimeSeconds,
    primaryHeardSeconds: isPrimaryLinkUp ? numberOf(fields, "master_last_io_seconds_ago") : Number.POSITIVE_INFINITY,
    replicaHosts: replicaHosts(text),
    isFullSyncRunning: fields.get("master_sync_in_progress") === "1",
    replicationId: fields.get("master_replid") ?? "",
    previousReplicationId: fields.get("master_replid2") ?? "",
    group: groupOf(fields),
    disk: diskOf(fields),
  };
}

function replicaHosts(text: string): readonly string[] {
  return [...text.matchAll(/^slave\d+:ip=([^,]+),port=\d+,state=online,/gm)].map(([, host = ""]) => host);
}

function groupOf(fields: ReadonlyMap<string, string>): GroupInfo | undefined {
  const state = fields.get("group_state");
  if (state !== "leads" && state !== "follows" && state !== "held") return undefined;
  return {
    state,
    ticket: numberOf(fields, "group_ticket"),
    heldMs: numberOf(fields, "group_held_ms"),
    hasWholeCopy: fields.get("group_whole_copy") === "1",
  };
}

function diskOf(fields: ReadonlyMap<string, string>): DiskInfo | undefined {
  if (!fields.has("disk_size_bytes")) return undefined;
  return {
    sizeBytes: numberOf(fields, "disk_size_bytes"),
    availableBytes: numberOf(fields, "disk_available_bytes"),
    nextSaveBytes: Math.max(numberOf(fields, "disk_snapshot_bytes"), numberOf(fields, "aof_base_size")),
  };
}

export function parseClusterInfo(text: string): ClusterInfo {
  const fields = parseFields(text);
  return { isOk: fields.get("cluster_state") === "ok", currentEpoch: numberOf(fields, "cluster_current_epoch") };
}

/** Of a save that is under way nobody knows yet what it comes to. */
export function isSaved(fields: ReadonlyMap<string, string>): boolean {
  return fields.get("rdb_changes_since_last_save") === "0" && fields.get("rdb_bgsave_in_progress") === "0";
}

function countKeys(fields: ReadonlyMap<string, string>, databases: RegExp): number {
  let keys = 0;
  for (const [name, value] of fields) {
    const match = databases.test(name) ? /^keys=(\d+)/.exec(value) : null;
    if (match !== null) keys += Number(match[1]);
  }
  return keys;
}

function numberOf(fields: ReadonlyMap<string, string>, name: string, absent = 0): number {
  const value = Number(fields.get(name) ?? absent);
  return Number.isFinite(value) ? value : absent;
}
