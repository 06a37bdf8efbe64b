/**
 * `kubectl kv failover`: a replica takes over from a primary that works, by the servers' own coordinated failover: the
 * primary stops taking writes until the replica has the last of them, so that none is lost. The operator sees the new roles
 * and moves its Services; a primary that is gone needs no command.
 */

import { RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { sleep } from "../runtime/clock.ts";
import type { CommandRow, Invocation } from "./arguments.ts";
import type { Context } from "./context.ts";
import { planFailover } from "./failover-plan.ts";
import { serverOpener } from "./log-in.ts";
import { PluginError } from "./plugin-error.ts";
import { readWorld } from "./read-world.ts";
import { clusterReport } from "./report.ts";
import type { ServerLink } from "./server-link.ts";

const DEFAULT_WAIT_MS = 30_000;
const PERIOD_MS = 200;
const FOREVER = new AbortController().signal;

export const FAILOVER: CommandRow = {
  name: "failover",
  words: ["NAME", "SHARD|POD"],
  summary: "a replica takes over, without losing a write",
  help: "Lets the best replica of a shard, or the replica that is named, take over from its primary. No write is lost; writes to\nthe shard wait for some milliseconds.",
  options: [{ name: "timeout", value: "TIME", help: "how long to wait for it; 30s when absent" }],
};

export async function runFailover(context: Context, invocation: Invocation): Promise<void> {
  const [name = "", target = ""] = invocation.words;
  const timeoutMs = invocation.durationMs("timeout", DEFAULT_WAIT_MS);
  const { clock, terminal } = context;
  const world = await readWorld(context, name);
  const report = clusterReport(world);
  const plan = planFailover(report, target);
  if (plan.kind === "refuse") throw new PluginError([`No failover: ${plan.reason}`, ...report.notes].join("\n"));
  const open = await serverOpener(context, world.cluster);
  const link = await open(plan.pod);
  const primary = world.cluster.spec.mode === "Cluster" ? undefined : await open(plan.from);
  try {
    const startedMs = clock.now();
    const answer = await (primary === undefined
      ? link.command("CLUSTER", "FAILOVER")
      : handOver(primary, plan.pod, timeoutMs));
    if (answer instanceof RespError) throw new PluginError(`${plan.pod} refused to take over: ${answer.message}`);
    if (!(await hasTakenOver(context, link, startedMs + timeoutMs))) {
      throw new PluginError(`Not done in time: ${plan.pod} has not taken over from ${plan.from}`, "timedOut");
    }
    const seconds = ((clock.now() - startedMs) / 1000).toFixed(1);
    terminal.write(`${plan.pod} took shard ${plan.shard} over from ${plan.from} in ${seconds} s\n`);
  } finally {
    link.close();
    primary?.close();
  }
}

/** Outside of a cluster the primary is told, by the name under which it knows the replica. */
async function handOver(primary: ServerLink, pod: string, timeoutMs: number): Promise<RespValue> {
  const role = await primary.command("ROLE");
  const replicas = Array.isArray(role) && Array.isArray(role[2]) ? role[2] : [];
  const known = replicas.find((replica) => Array.isArray(replica) && String(replica[0]).startsWith(`${pod}.`));
  if (!Array.isArray(known)) throw new PluginError(`${pod} cannot take over: its primary does not know it`);
  return await primary.command("FAILOVER", "TO", String(known[0]), String(known[1]), "TIMEOUT", timeoutMs);
}

async function hasTakenOver({ clock }: Context, link: ServerLink, endMs: number): Promise<boolean> {
  for (;;) {
    const role = await link.command("ROLE");
    if (Array.isArray(role) && String(role[0]) === "master") return true;
    if (clock.now() + PERIOD_MS > endMs) return false;
    await sleep(clock, PERIOD_MS, FOREVER);
  }
}
