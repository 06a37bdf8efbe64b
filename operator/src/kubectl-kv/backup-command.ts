/**
 * `kubectl kv backup`: makes a KVBackup. Where the files go is taken from the last backup or a schedule of the cluster when
 * it is not said, so that the next backup lands beside the others.
 */

import { API_VERSION } from "../api/kinds.ts";
import type { KVBackup, KVBackupSpec } from "../api/kv-backup.ts";
import type { KVScheduledBackup } from "../api/kv-scheduled-backup.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import { grouped, timeApart } from "./amounts.ts";
import type { CommandRow, Invocation } from "./arguments.ts";
import type { Context } from "./context.ts";
import { showUntilOver } from "./display.ts";
import { PluginError } from "./plugin-error.ts";
import { readCluster } from "./read-world.ts";
import { latestFirst } from "./report.ts";

const DEFAULT_WAIT_MS = 3_600_000;

type Destination = KVBackupSpec["destination"];

export const BACKUP: CommandRow = {
  name: "backup",
  words: ["NAME"],
  summary: "take a backup now",
  help: "Makes a KVBackup of a cluster. Without --claim and --size it goes where the last backup of the cluster went, or where\nits schedule says.",
  options: [
    { name: "name", value: "BACKUP", help: "its name; that of the cluster and the time when absent" },
    { name: "claim", value: "CLAIM", help: "an existing PersistentVolumeClaim" },
    { name: "size", value: "SIZE", help: "size of the claim NAME-backup, which is made if it is not there" },
    { name: "storage-class", value: "CLASS", help: "storage class of that claim" },
    { name: "primary", help: "read from primaries, not from replicas" },
    { name: "wait", help: "until it is completed or has failed" },
    { name: "timeout", value: "TIME", help: "how long to wait; 1h when absent" },
  ],
};

export async function runBackup(context: Context, invocation: Invocation): Promise<void> {
  const [cluster = ""] = invocation.words;
  const timeoutMs = invocation.durationMs("timeout", DEFAULT_WAIT_MS);
  const { client, namespace, clock, terminal } = context;
  const asked = askedDestination(invocation);
  await readCluster(context, cluster);
  const destination = asked ?? (await knownDestination(context, cluster));
  const name = invocation.text("name") ?? backupName(cluster, clock.now());
  // What the schema has defaults for is left to the API server.
  const spec = {
    clusterRef: { name: cluster },
    destination,
    ...(invocation.has("primary") ? { target: "Primary" } : {}),
  };
  await client.create({ apiVersion: API_VERSION, kind: "KVBackup", metadata: { namespace, name }, spec });
  terminal.write(`Created KVBackup "${name}"\n`);
  if (invocation.has("wait")) await waitForBackup(context, name, timeoutMs);
}

function askedDestination(invocation: Invocation): Destination | undefined {
  const [claimName, size] = [invocation.text("claim"), invocation.text("size")];
  const storageClassName = invocation.text("storage-class");
  if (claimName !== undefined && size !== undefined) {
    throw new PluginError("Give --claim or --size, not both", "usage");
  }
  if (storageClassName !== undefined && size === undefined) {
    throw new PluginError("--storage-class goes with --size", "usage");
  }
  if (claimName !== undefined) return { persistentVolumeClaim: { claimName } };
  if (size === undefined) return undefined;
  return { persistentVolumeClaim: { size, ...(storageClassName === undefined ? {} : { storageClassName }) } };
}

async function knownDestination({ client, namespace }: Context, cluster: string): Promise<Destination> {
  const isOurs = ({ spec }: KVBackup | KVScheduledBackup): boolean => spec.clusterRef.name === cluster;
  const backups = (await client.list<KVBackup>(RESOURCE_KINDS.KVBackup, { namespace })).filter(isOurs);
  const [last] = latestFirst(backups);
  if (last !== undefined) return last.spec.destination;
  const schedules = await client.list<KVScheduledBackup>(RESOURCE_KINDS.KVScheduledBackup, { namespace });
  const schedule = schedules.find(isOurs);
  if (schedule !== undefined) return schedule.spec.template.destination;
  const message = `KVCluster "${cluster}" has no backup or schedule whose volume could be taken: say --size or --claim`;
  throw new PluginError(message, "usage");
}

/** `shop-20261128-230501`, in UTC: at most 16 characters more than a cluster's 40, which is as long as it may be. */
export function backupName(cluster: string, nowMs: number): string {
  const digits = new Date(nowMs).toISOString().replace(/\D/g, "");
  return `${cluster}-${digits.slice(0, 8)}-${digits.slice(8, 14)}`;
}

async function waitForBackup(context: Context, name: string, timeoutMs: number): Promise<void> {
  const { client, namespace, clock, terminal } = context;
  let failure: string | undefined;
  const look = async () => {
    const backup = await client.get<KVBackup>(RESOURCE_KINDS.KVBackup, { namespace, name });
    if (backup === undefined) throw new PluginError(`KVBackup "${name}" is gone`);
    const { phase = "Pending", message = "", keys = 0, size = "", verified } = backup.status ?? {};
    if (phase === "Failed") failure = message;
    if (phase === "Completed") {
      const words = `${grouped(keys)} keys, ${size}${verified ? ", verified" : ""}`;
      return { text: `Completed: ${words}\n`, isOver: true };
    }
    const age = terminal.isScreen ? ` for ${timeApart(backup.metadata.creationTimestamp, clock.now())}` : "";
    return { text: `${phase}${age}${message === "" ? "" : `: ${message}`}\n`, isOver: phase === "Failed" };
  };
  await showUntilOver(context, { look, timeoutMs, goal: `KVBackup "${name}" is not completed` });
  if (failure !== undefined) throw new PluginError(`KVBackup "${name}" has failed: ${failure}`);
}
