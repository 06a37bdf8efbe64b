/** `kubectl kv status`: all clusters one a line, or one cluster on a screen, once, again and again, or until it is settled. */

import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import { isApiError } from "../kube/api-error.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { CommandRow, Invocation } from "./arguments.ts";
import type { Context } from "./context.ts";
import { showUntilOver } from "./display.ts";
import { PluginError } from "./plugin-error.ts";
import { operationLine } from "./progress-bar.ts";
import { readWorld } from "./read-world.ts";
import { renderCluster } from "./render-cluster.ts";
import { clusterLines, renderList } from "./render-list.ts";
import { type ClusterReport, clusterReport } from "./report.ts";

const DEFAULT_WAIT_MS = 3_600_000;

export const STATUS: CommandRow = {
  name: "status",
  words: ["[NAME]"],
  summary: "shards, roles, lag, slots, conditions, backups; all clusters without NAME",
  help: "Shows a cluster on one screen, or all clusters one a line.",
  options: [
    { name: "output", short: "o", value: "json", help: "the same as JSON, with all backups" },
    { name: "all-namespaces", short: "A", help: "clusters of all namespaces, without NAME" },
    { name: "watch", short: "w", help: "show it again every two seconds until interrupted" },
    { name: "wait", help: "show what is under way until the cluster is ready and nothing is" },
    { name: "timeout", value: "TIME", help: "how long to wait; 1h when absent" },
  ],
};

export async function runStatus(context: Context, invocation: Invocation): Promise<void> {
  const [name] = invocation.words;
  const { terminal } = context;
  const isJson = readFormat(invocation);
  const isRepeated = invocation.has("watch") || invocation.has("wait");
  if (isJson && isRepeated) throw new PluginError("--watch and --wait show text: leave -o json out", "usage");
  if (name === undefined && invocation.has("wait"))
    throw new PluginError("--wait needs the NAME of a cluster", "usage");
  if (invocation.has("wait") && name !== undefined) return waitUntilSettled(context, name, invocation);
  const text = () => (name === undefined ? listText(context, invocation, isJson) : clusterText(context, name, isJson));
  if (!invocation.has("watch")) {
    terminal.write(await text());
    return;
  }
  const look = async () => ({ text: await text(), isOver: false });
  await showUntilOver(context, { look, timeoutMs: Number.POSITIVE_INFINITY, goal: "interrupted" });
}

function readFormat(invocation: Invocation): boolean {
  const format = invocation.text("output");
  if (format !== undefined && format !== "json") {
    throw new PluginError(`--output "${format}": the only other format is json`, "usage");
  }
  return format === "json";
}

async function clusterText(context: Context, name: string, isJson: boolean): Promise<string> {
  const report = clusterReport(await readWorld(context, name));
  return isJson ? asJson(report) : renderCluster(report, context.clock.now());
}

async function listText(context: Context, invocation: Invocation, isJson: boolean): Promise<string> {
  const { client, namespace, clock } = context;
  const where = invocation.has("all-namespaces") ? {} : { namespace };
  const clusters = await client.list<KVCluster>(RESOURCE_KINDS.KVCluster, where);
  const lines = clusterLines(clusters, await backupsIfAllowed(context, where));
  if (isJson) return asJson(lines);
  const place = invocation.has("all-namespaces") ? "any namespace" : `namespace "${namespace}"`;
  return lines.length === 0 ? `There is no KVCluster in ${place}\n` : renderList(lines, clock.now());
}

async function backupsIfAllowed(
  { client }: Context,
  where: { readonly namespace?: string },
): Promise<readonly KVBackup[]> {
  try {
    return await client.list<KVBackup>(RESOURCE_KINDS.KVBackup, where);
  } catch (error) {
    if (isApiError(error, "forbidden")) return [];
    throw error;
  }
}

async function waitUntilSettled(context: Context, name: string, invocation: Invocation): Promise<void> {
  const look = async () => {
    const report = clusterReport(await readWorld(context, name));
    const isOver = isSettled(report);
    return { text: `${progressLines(report).join("\n")}\n`, isOver };
  };
  const timeoutMs = invocation.durationMs("timeout", DEFAULT_WAIT_MS);
  await showUntilOver(context, { look, timeoutMs, goal: `KVCluster "${name}" is not settled` });
}

export function isSettled(report: ClusterReport): boolean {
  const isTrue = (type: string) => report.conditions.some((one) => one.type === type && one.status === "True");
  return report.phase === "Ready" && isTrue("Balanced") && isTrue("UpToDate") && report.underWay.length === 0;
}

export function progressLines(report: ClusterReport): readonly string[] {
  const state = `${report.name}: ${report.phase}, ${report.readyServers}/${report.servers} servers ready`;
  return [report.message === "" ? state : `${state}: ${report.message}`, ...report.underWay.map(operationLine)];
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
