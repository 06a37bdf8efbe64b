/**
 * Who takes over when a person asks for it: the replica that was named, or the one of the shard that has its primary's data
 * up to the last byte, as far as anybody knows. Pure. Refused where a coordinated failover could not succeed.
 */

import type { ClusterReport, ServerReport, ShardReport } from "./report.ts";

export type FailoverPlan =
  | { readonly kind: "ask"; readonly shard: number; readonly pod: string; readonly from: string }
  | { readonly kind: "refuse"; readonly reason: string };

/** `target` is the index of a shard or the name of a pod. */
export function planFailover({ name, shards }: ClusterReport, target: string): FailoverPlan {
  const isIndex = /^\d+$/.test(target);
  const shard = shards.find(({ index, servers }) =>
    isIndex ? index === Number(target) : servers.some(({ pod }) => pod === target),
  );
  if (shard === undefined) return refuse(isIndex ? noShard(name, shards, target) : noPod(name, shards, target));
  const primary = shard.servers.find(({ role }) => role === "primary");
  if (primary === undefined) return refuse(`shard ${shard.index} has no primary that answers: the servers elect one`);
  const replicas = shard.servers.filter(({ role }) => role === "replica");
  if (!isIndex)
    return takeOver(
      shard,
      primary,
      shard.servers.find(({ pod }) => pod === target),
      replicas,
    );
  const [first, ...others] = replicas.filter(({ link }) => link === "up");
  if (first === undefined) return refuse(`shard ${shard.index} has no replica that has its primary's data`);
  const best = others.reduce((a, b) => ((b.offset ?? 0) > (a.offset ?? 0) ? b : a), first);
  return { kind: "ask", shard: shard.index, pod: best.pod, from: primary.pod };
}

function takeOver(
  { index }: ShardReport,
  primary: ServerReport,
  server: ServerReport | undefined,
  replicas: readonly ServerReport[],
): FailoverPlan {
  if (server?.role === "primary") {
    const others = replicas.map(({ pod }) => pod).join(", ");
    const instead = others === "" ? "the shard has no replica" : `name the replica that takes over (${others})`;
    return refuse(`${server.pod} is the primary of shard ${index}: ${instead}`);
  }
  if (server?.role !== "replica") return refuse(`${server?.pod} is no replica: it cannot take over`);
  if (server.link !== "up") return refuse(`${server.pod} has no link to its primary: it does not have all data`);
  return { kind: "ask", shard: index, pod: server.pod, from: primary.pod };
}

function refuse(reason: string): FailoverPlan {
  return { kind: "refuse", reason };
}

function noShard(name: string, shards: readonly ShardReport[], target: string): string {
  const known = shards.map(({ index }) => index).join(", ");
  return `"${name}" has no shard ${target}: there are ${known === "" ? "none" : known}`;
}

function noPod(name: string, shards: readonly ShardReport[], target: string): string {
  const known = shards.flatMap(({ servers }) => servers.map(({ pod }) => pod)).join(", ");
  return `"${name}" has no pod "${target}": there are ${known === "" ? "none" : known}`;
}
