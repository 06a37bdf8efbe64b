/**
 * What a server has to be restarted for, in the user's own words: image, resources, what of the configuration cannot change
 * while it runs, places, and the annotation that asks for a restart. Pods carry the fingerprint of what they were made with. The
 * rest of the pod template is ours: a newer operator may change it, or its default image, and no pod is restarted for that; they
 * take it on when they restart.
 */

import { KV_MODES, type KVCluster, type KVClusterSpec } from "../api/kv-cluster.ts";
import { RESTART_ANNOTATION } from "../api/labels.ts";
import { fingerprint } from "./fingerprint.ts";
import { restartDirectives } from "./live-directives.ts";

interface Input {
  readonly what: string;
  readonly of: (cluster: KVCluster) => unknown;
  /** What earlier operators took for it: pods that they made are not restarted for the difference. */
  readonly formerly?: (cluster: KVCluster) => unknown;
  /** What it was before there was a choice. Where this and all that follow still are that, they leave no print, as in older pods. */
  readonly initially?: unknown;
}

const INPUTS: readonly Input[] = [
  { what: "image", of: ({ spec }) => spec.image },
  { what: "resources", of: ({ spec }) => spec.resources },
  {
    what: "configuration",
    of: ({ spec }) => restartDirectives(spec.config ?? {}),
    formerly: ({ spec }) => [spec.config, spec.memory],
  },
  { what: "scheduling", of: ({ spec }) => spec.scheduling },
  { what: "restart annotation", of: ({ metadata }) => metadata.annotations?.[RESTART_ANNOTATION] },
  { what: "mode", of: ({ spec }) => spec.mode, initially: "Cluster" },
  {
    what: "TLS",
    of: ({ spec }) => spec.tls && { secretName: spec.tls.secretName, plaintext: spec.tls.plaintext },
    initially: undefined,
  },
];

/** One fingerprint an input, so that the reason for a restart can be told. */
export function restartInputs(cluster: KVCluster): string {
  const last = INPUTS.findLastIndex((input) => !("initially" in input) || input.of(cluster) !== input.initially);
  return INPUTS.slice(0, last + 1)
    .map(({ of }) => print(of(cluster)))
    .join(".");
}

/** What has changed since a pod was made with those, in words. */
export function changedInputs(before: string | undefined, cluster: KVCluster): readonly string[] {
  if (before === undefined) return ["pod template"];
  const old = before.split(".");
  return INPUTS.filter(
    ({ of, formerly, initially }, index) =>
      (old[index] ?? print(initially)) !== print(of(cluster)) &&
      (formerly === undefined || old[index] !== print(formerly(cluster))),
  ).map(({ what }) => what);
}

function print(input: unknown): string {
  return fingerprint(JSON.stringify(input ?? null, sortMembers));
}

function sortMembers(_key: string, value: unknown): unknown {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  return isRecord ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
}

/** The mode that a pod was made for; a pod of unknown inputs was for any of them. */
export function modeOfPod(inputs: string | undefined): readonly KVClusterSpec["mode"][] {
  const index = INPUTS.findIndex(({ what }) => what === "mode");
  if (inputs === undefined) return KV_MODES;
  const made = inputs.split(".")[index];
  return KV_MODES.filter((mode) => print(mode) === (made ?? print("Cluster")));
}
