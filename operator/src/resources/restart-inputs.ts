/**
 * What a server has to be restarted for, in the user's own words: image, resources, configuration, places, and the annotation
 * that asks for a restart. Pods carry the fingerprint of what they were made with. The rest of the pod template is ours: a
 * newer operator may change it, or its default image, and no pod is restarted for that; they take it on when they restart.
 */

import type { KVCluster } from "../api/kv-cluster.ts";
import { RESTART_ANNOTATION } from "../api/labels.ts";
import { fingerprint } from "./fingerprint.ts";

const INPUTS: readonly { readonly what: string; readonly of: (cluster: KVCluster) => unknown }[] = [
  { what: "image", of: ({ spec }) => spec.image },
  { what: "resources", of: ({ spec }) => spec.resources },
  { what: "configuration", of: ({ spec }) => [spec.config, spec.memory] },
  { what: "scheduling", of: ({ spec }) => spec.scheduling },
  { what: "restart annotation", of: ({ metadata }) => metadata.annotations?.[RESTART_ANNOTATION] },
];

/** One fingerprint an input, so that the reason for a restart can be told. */
export function restartInputs(cluster: KVCluster): string {
  return INPUTS.map(({ of }) => fingerprint(JSON.stringify(of(cluster) ?? null, sortMembers))).join(".");
}

/** What differs between two of them, in words. */
export function changedInputs(before: string | undefined, after: string): readonly string[] {
  if (before === undefined) return ["pod template"];
  const [old, now] = [before.split("."), after.split(".")];
  return INPUTS.map(({ what }) => what).filter((_, index) => old[index] !== now[index]);
}

function sortMembers(_key: string, value: unknown): unknown {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  return isRecord ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
}
