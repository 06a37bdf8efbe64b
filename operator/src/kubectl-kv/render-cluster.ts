/** One cluster on one screen: a pure function of the report and of the time, for ages. */

import { formatBytes } from "../api/quantity.ts";
import { grouped, timeApart } from "./amounts.ts";
import { operationLine } from "./progress-bar.ts";
import type { ClusterReport, ScheduleReport, ServerReport, ShardReport } from "./report.ts";
import { shortRanges } from "./slot-text.ts";
import { textTable } from "./text-table.ts";

/** The latest ones; `-o json` has all. */
const MAX_BACKUPS = 5;
const MAX_SLOTS_LENGTH = 32;
const NONE = "-";

export function renderCluster(report: ClusterReport, nowMs: number): string {
  const sections = [
    heading(report, nowMs),
    servers(report),
    section("UNDER WAY", report.underWay.map(operationLine)),
    section("CONDITIONS", conditions(report, nowMs)),
    section("BACKUPS", backups(report, nowMs)),
    section("SCHEDULES", schedules(report.schedules, nowMs)),
    section("NOTES", report.notes),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}

function heading(report: ClusterReport, nowMs: number): readonly string[] {
  const facts = [
    `${report.namespace}/${report.name}`,
    report.phase,
    SHAPES[report.mode](report),
    `${report.readyServers}/${report.servers} servers ready`,
    ...(report.mode === "Cluster" ? [`${grouped(report.slotsServed)} slots served`] : []),
    ...(report.createdAt === undefined ? [] : [`${timeApart(report.createdAt, nowMs)} old`]),
  ];
  const rows = [
    ["message", report.message],
    ...endpoints(report),
    ["outside", report.endpoints.external ?? ""],
    ["credentials", report.secretName === undefined ? "" : `Secret ${report.secretName}`],
  ];
  const known = rows.filter(([, value]) => value !== "");
  return [facts.join(", "), ...known.map(([name = "", value = ""]) => `  ${`${name}:`.padEnd(12)} ${value}`)];
}

const SHAPES: Readonly<Record<ClusterReport["mode"], (report: ClusterReport) => string>> = {
  Standalone: () => "one server",
  Replication: ({ wantedReplicasPerShard }) => `a primary with ${amount(wantedReplicasPerShard, "replica")}`,
  Cluster: ({ wantedShards, wantedReplicasPerShard }) =>
    `${amount(wantedShards, "shard")} with ${amount(wantedReplicasPerShard, "replica")} each`,
};

function amount(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

function endpoints({ mode, endpoints: { discovery = "", write = "", read = "" } }: ClusterReport) {
  if (mode === "Standalone") return [["server", discovery]];
  const both = [
    [mode === "Cluster" ? "primaries" : "primary", write],
    ["replicas", read],
  ];
  return mode === "Cluster" ? [["any server", discovery], ...both] : both;
}

function servers({ shards }: ClusterReport): readonly string[] {
  const header = ["SHARD", "ROLE", "POD", "NODE", "READY", "LINK", "OFFSET", "LAG", "KEYS", "MEMORY", "SLOTS"];
  const rows = shards.flatMap((shard) => shard.servers.map((server) => serverRow(shard, server)));
  return rows.length === 0 ? ["There are no servers yet"] : textTable(header, rows);
}

function serverRow(shard: ShardReport, server: ServerReport): readonly string[] {
  const { role, restarts, trouble } = server;
  const ready = `${server.isReady ? "yes" : "no"}${trouble === undefined ? "" : ` (${trouble})`}${restarts > 0 ? ` ${restarts} restarts` : ""}`;
  return [
    shard.index < 0 ? NONE : String(shard.index),
    role,
    server.pod,
    server.node ?? NONE,
    ready,
    server.link ?? NONE,
    count(server.offset),
    lag(server),
    count(server.keys),
    memory(server),
    role === "primary" ? slots(shard) : "",
  ];
}

function count(amount: number | undefined): string {
  return amount === undefined ? NONE : grouped(amount);
}

function lag({ lagBytes, lagSeconds }: ServerReport): string {
  if (lagBytes === undefined) return NONE;
  // Replicas tell how far they are once a second, so a second is no lag.
  return lagSeconds !== undefined && lagSeconds > 1
    ? `${formatBytes(lagBytes)}, ${lagSeconds}s`
    : formatBytes(lagBytes);
}

function memory({ usedBytes, limitBytes }: ServerReport): string {
  if (usedBytes === undefined) return NONE;
  return limitBytes === undefined || limitBytes === 0
    ? formatBytes(usedBytes)
    : `${formatBytes(usedBytes)} of ${formatBytes(limitBytes)}`;
}

function slots(shard: ShardReport): string {
  if (shard.slotCount === 0) return shard.isLeaving ? "none, leaves" : "none";
  const leaving = shard.isLeaving ? ", leaves" : "";
  return `${shortRanges(shard.slots, MAX_SLOTS_LENGTH)} (${grouped(shard.slotCount)}${leaving})`;
}

function conditions({ conditions: all }: ClusterReport, nowMs: number): readonly string[] {
  if (all.length === 0) return [];
  const rows = all.map(({ type, status, reason, message, lastTransitionTime }) => {
    return [type, status, reason, timeApart(lastTransitionTime, nowMs), message];
  });
  return textTable(["TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"], rows);
}

function backups({ backups: all }: ClusterReport, nowMs: number): readonly string[] {
  if (all.length === 0) return [];
  const rows = all.slice(0, MAX_BACKUPS).map((backup) => {
    const { name, phase, keys, size = NONE, createdAt, completedAt, message = "" } = backup;
    const told = phase === "Completed" ? "" : message;
    return [name, phase, count(keys), size, timeApart(completedAt ?? createdAt, nowMs), told];
  });
  const more = all.length - rows.length;
  const table = textTable(["NAME", "PHASE", "KEYS", "SIZE", "AGE", "MESSAGE"], rows);
  return more > 0 ? [...table, `and ${more} older ones`] : table;
}

function schedules(all: readonly ScheduleReport[], nowMs: number): readonly string[] {
  if (all.length === 0) return [];
  const rows = all.map(({ name, schedule, timeZone, isSuspended, lastSuccessfulTime, lastBackup, nextTime }) => {
    const next = isSuspended ? "suspended" : nextTime === undefined ? NONE : `in ${timeApart(nextTime, nowMs)}`;
    const last = lastSuccessfulTime === undefined ? "never" : `${timeApart(lastSuccessfulTime, nowMs)} ago`;
    return [name, `${schedule} (${timeZone})`, next, last, lastBackup ?? NONE];
  });
  return textTable(["NAME", "SCHEDULE", "NEXT", "LAST SUCCESS", "LAST BACKUP"], rows);
}
