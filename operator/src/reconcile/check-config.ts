/**
 * Finds out what of spec.config servers can start with, before anything is made of it. What the table of directives refuses
 * (resources/config-problems.ts), or what servers refused before, is replaced by what their file has; a cluster of which nothing
 * runs yet has no such file, and is not begun with values by which its servers would not start.
 */

import type { KVCluster } from "../api/kv-cluster.ts";
import { configMemoryOf, fileDirectives, refusedValue } from "../resources/config-map.ts";
import { configProblems } from "../resources/config-problems.ts";
import { directiveName, isLive } from "../resources/live-directives.ts";
import { configMapName } from "../resources/names.ts";
import { directivesOf } from "../resources/server-config.ts";
import { refusedList } from "../status/config-applied.ts";
import { isBegun, ownChild } from "./own-child.ts";
import { type Pass, PROCEED, type Step } from "./step.ts";

export const checkConfig: Step = {
  name: "check configuration",
  changes: false,
  run: async (pass) => {
    const { cluster } = pass;
    const problems = configProblems(cluster);
    const map = ownChild(pass, "ConfigMap", configMapName(pass.name.name));
    if (problems.size > 0 && !isBegun(pass)) {
      const message = `Nothing is started: servers do not take the value of ${refusedList(problems)}`;
      return { kind: "stop", reason: "ConfigRefused", message };
    }
    const memory = configMemoryOf(map);
    const given = givenValues(cluster);
    const stillRefused = [...memory.refused].filter(
      ([name, { value }]) => value === refusedValue(given.get(name) ?? ""),
    );
    const words = stillRefused.map(([name, refusal]) => [name, refusal.words] as const);
    refuse(pass, new Map([...problems, ...words]));
    pass.leftDirectives = leftDirectives(cluster, memory.left, [...fileDirectives(map).keys()]);
    return PROCEED;
  },
};

/** Takes it that servers do not take those: what they start with is without. */
export function refuse(pass: Pass, refusals: ReadonlyMap<string, string>): void {
  const map = ownChild(pass, "ConfigMap", configMapName(pass.name.name));
  pass.refusals = refusals;
  pass.startable = startable(pass.cluster, refusals, fileDirectives(map));
}

/** What the ConfigMap is to remember: not what follows from the table anew in each pass. */
export function refusedValues({ cluster, refusals }: Pass): ReadonlyMap<string, { value: string; words: string }> {
  const given = givenValues(cluster);
  const live = [...refusals].filter(([name]) => isLive(name) && given.has(name));
  return new Map(live.map(([name, words]) => [name, { value: refusedValue(given.get(name) ?? ""), words }]));
}

/** Of spec.config, by the directives' own names. */
function givenValues({ spec }: KVCluster): ReadonlyMap<string, string> {
  return new Map(Object.entries(spec.config ?? {}).map(([name, value]) => [directiveName(name), value]));
}

function startable(
  cluster: KVCluster,
  refusals: ReadonlyMap<string, string>,
  file: ReadonlyMap<string, string>,
): KVCluster {
  if (refusals.size === 0) return cluster;
  const config = Object.entries(cluster.spec.config ?? {}).flatMap(([name, value]) => {
    if (!refusals.has(directiveName(name))) return [[name, value] as const];
    const before = file.get(directiveName(name));
    const isNoBetter = before === undefined || (before === value && isLive(directiveName(name)));
    return isNoBetter ? [] : [[name, before] as const];
  });
  return { ...cluster, spec: { ...cluster.spec, config: Object.fromEntries(config) } };
}

/** What the servers were once told and the spec does not say any more. */
function leftDirectives(cluster: KVCluster, known: readonly string[], inFile: readonly string[]): readonly string[] {
  const wanted = directivesOf(cluster);
  return [...new Set([...known, ...inFile])].filter((name) => isLive(name) && wanted[name] === undefined);
}
