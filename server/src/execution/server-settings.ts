/** Directives that parts below keep as plain fields, because their hot paths read them: applied at start and on each change. */

import type { Client } from "../commands/client.ts";
import { ClientFlag } from "../commands/client.ts";
import type { Config } from "../config/config.ts";
import type { OutputBufferLimit } from "../config/output-buffer-limits.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { CompactionSettings } from "./memory-upkeep.ts";

/** Calls `apply` now and whenever one of the directives changes. */
function follow(config: Config, names: Parameters<Config["onChange"]>[0], apply: () => void): void {
  apply();
  config.onChange(names, () => {
    apply();
    return undefined;
  });
}

export interface SettingFollowers {
  readonly config: Config;
  readonly keyspace: Keyspace;
  readonly parser: { maxBulkBytes: number };
  readonly table: { readonly latencies: { isOn: boolean } };
  readonly upkeep: { tick(): void };
}

export function followSettings({ config, keyspace, parser, table, upkeep }: SettingFollowers): void {
  followEvictionSettings(config, keyspace);
  // A lower limit holds from the next command on, as far as a slice of eviction brings it.
  config.onChange(["maxmemory", "maxmemory-policy"], () => {
    upkeep.tick();
    return undefined;
  });
  followKeyspaceEvents(config, keyspace);
  followBulkLimit(config, parser);
  follow(config, ["latency-tracking"], () => {
    table.latencies.isOn = config.get("latency-tracking");
  });
}

function followEvictionSettings(config: Config, keyspace: Keyspace): void {
  const names = [
    "maxmemory",
    "maxmemory-policy",
    "maxmemory-samples",
    "maxmemory-eviction-tenacity",
    "lfu-log-factor",
    "lfu-decay-time",
  ] as const;
  follow(config, names, () =>
    keyspace.eviction.configure({
      limitBytes: config.get("maxmemory"),
      policy: config.get("maxmemory-policy"),
      samples: config.get("maxmemory-samples"),
      tenacity: config.get("maxmemory-eviction-tenacity"),
      lfuLogFactor: config.get("lfu-log-factor"),
      lfuDecayMinutes: config.get("lfu-decay-time"),
    }),
  );
}

function followKeyspaceEvents(config: Config, keyspace: Keyspace): void {
  follow(config, ["notify-keyspace-events"], () => {
    keyspace.events.flags = config.get("notify-keyspace-events");
  });
}

export function compactionSettingsOf(config: Config): CompactionSettings {
  return {
    isEnabled: config.get("activedefrag"),
    ignoreBytes: config.get("active-defrag-ignore-bytes"),
    lowerPercent: config.get("active-defrag-threshold-lower"),
    upperPercent: config.get("active-defrag-threshold-upper"),
    leastEffort: config.get("active-defrag-cycle-min"),
    greatestEffort: config.get("active-defrag-cycle-max"),
  };
}

function followBulkLimit(config: Config, parser: { maxBulkBytes: number }): void {
  follow(config, ["proto-max-bulk-len"], () => {
    parser.maxBulkBytes = config.get("proto-max-bulk-len");
  });
}

export function outputLimitOf(config: Config, client: Client): OutputBufferLimit {
  const limits = config.get("client-output-buffer-limit");
  if (client.has(ClientFlag.replica)) return limits.replica;
  return client.subscriptionCount > 0 ? limits.pubsub : limits.normal;
}
