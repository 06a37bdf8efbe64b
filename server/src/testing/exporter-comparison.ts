/**
 * What redis_exporter makes of a server against what the server prints itself: each metric of the exporter's has to be there
 * too, under the same labels, with the same values. A value is only held to what does not change: what is the same in our
 * print before the exporter came and after it; counters, to what lies between. The exceptions stand here, each with its reason.
 */

import type { Exposition, Family } from "./exposition.ts";

export interface Prints {
  readonly exported: Exposition;
  readonly before: Exposition;
  readonly after: Exposition;
}

const OF_THE_EXPORTER = "it tells of the exporter itself";
export const NOT_OURS: readonly (readonly [metric: RegExp, reason: string])[] = [
  [/^redis_exporter_/, OF_THE_EXPORTER],
  [/^redis_target_scrape_request_errors_total$/, OF_THE_EXPORTER],
  [/^redis_last_key_groups_scrape_duration_milliseconds$/, OF_THE_EXPORTER],
  [/^redis_db_keys_cached$/, "Debian's takes INFO's subexpiry, of Redis 7.4, for the cached_keys of KeyDB"],
];

/** Labels that newer exporters than Debian's give. */
const NEWER_LABELS: ReadonlyMap<string, readonly string[]> = new Map([["redis_instance_info", ["master_replid"]]]);

const ITS_CONNECTION = "the connection of the exporter counts";
const OTHER_VALUES: readonly (readonly [metric: RegExp, reason: string])[] = [
  [/^redis_connected_clients$/, ITS_CONNECTION],
  [/^redis_client_recent_max_/, ITS_CONNECTION],
  [/^redis_mem_clients_normal$/, ITS_CONNECTION],
  [/^redis_memory_used_/, ITS_CONNECTION],
  [/^redis_mem_fragmentation_/, ITS_CONNECTION],
];

/** What INFO or the exporter rounds: whole microseconds, and more where it stands here. */
const ROUNDED = 6e-7;
const MORE_ROUNDED: ReadonlyMap<string, number> = new Map([
  // From whole seconds of uptime and of its own clock.
  ["redis_start_time_seconds", 2],
  ["redis_db_avg_ttl_seconds", 1e-3],
]);

/** In words; none if all agrees. */
export function differences(prints: Prints): string[] {
  const compared = [...prints.exported].filter(([name]) => !isIn(NOT_OURS, name));
  return compared.flatMap(([name, exported]) => {
    const [before, after] = [prints.before.get(name), prints.after.get(name)];
    if (before === undefined || after === undefined) return [`${name} is not there`];
    return [...differencesOfKind(name, exported, after), ...differencesOfValues(name, { exported, before, after })];
  });
}

function differencesOfKind(name: string, exported: Family, own: Family): string[] {
  // What only grows is a counter here, also where the exporter calls it a gauge.
  const isSameKind = exported.kind === own.kind || (exported.kind === "gauge" && own.kind === "counter");
  const labels = [...exported.labels, ...(NEWER_LABELS.get(name) ?? [])].sort().join();
  const ownLabels = [...own.labels].sort().join();
  return [
    ...(isSameKind ? [] : [`${name} is a ${own.kind}, not a ${exported.kind}`]),
    ...(labels === ownLabels ? [] : [`${name} has the labels "${ownLabels}", not "${labels}"`]),
  ];
}

interface FamilyPrints {
  readonly exported: Family;
  readonly before: Family;
  readonly after: Family;
}

function differencesOfValues(name: string, { exported, before, after }: FamilyPrints): string[] {
  const newer = NEWER_LABELS.get(name) ?? [];
  const [ownBefore, ownAfter] = [withoutLabels(before, newer), withoutLabels(after, newer)];
  const isFree = isIn(OTHER_VALUES, name);
  const slack = MORE_ROUNDED.get(name) ?? ROUNDED;
  return [...exported.samples].flatMap(([sample, value]) => {
    const last = ownAfter.get(sample);
    if (last === undefined) return [`${name}${sample} is not there`];
    const first = ownBefore.get(sample) ?? 0;
    const doesChange = first !== last;
    if (isFree || (doesChange && after.kind !== "counter")) return [];
    const isBetween = value >= first - slack && value <= last + slack;
    return isBetween ? [] : [`${name}${sample} is ${first} to ${last}, and ${value} by the exporter`];
  });
}

function withoutLabels({ samples }: Family, labels: readonly string[]): Map<string, number> {
  if (labels.length === 0) return new Map(samples);
  const unwanted = new RegExp(`,?(?:${labels.join("|")})="[^"]*"`, "g");
  return new Map([...samples].map(([sample, value]) => [sample.replace(unwanted, "").replace("{,", "{"), value]));
}

function isIn(table: readonly (readonly [metric: RegExp, reason: string])[], name: string): boolean {
  return table.some(([metric]) => metric.test(name));
}
