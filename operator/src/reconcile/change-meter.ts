/**
 * Counts what happens to clusters between two passes: other primaries, slot migrations that begin and end. The servers are
 * looked at, not what they were told, so what they do by themselves counts too. The first look at a cluster counts only
 * primaries that differ from the status: what else there is may be old.
 */

import type { KVCluster } from "../api/kv-cluster.ts";
import type { ObjectName } from "../kubernetes-object.ts";
import type { ClusterSurvey } from "../topology/cluster-view.ts";
import type { SlotMigration } from "../topology/slot-migration.ts";

export const CHANGES = ["failover", "migrationStarted", "migrationFinished", "migrationFailed"] as const;
export type Change = (typeof CHANGES)[number];

export interface ChangeCounter {
  count(cluster: ObjectName, change: Change, by: number): void;
  forget(cluster: ObjectName): void;
}

interface Seen {
  readonly primaries: ReadonlyMap<number, string>;
  readonly migrations: ReadonlyMap<string, SlotMigration>;
}

export class ChangeMeter {
  readonly #counter: ChangeCounter;
  readonly #seen = new Map<string, Seen>();

  constructor(counter: ChangeCounter) {
    this.#counter = counter;
  }

  see(name: ObjectName, cluster: KVCluster, survey: ClusterSurvey): void {
    const key = keyOf(name);
    const before = this.#seen.get(key);
    const known = before?.primaries ?? primariesIn(cluster);
    const primaries = primariesOf(survey);
    const migrations = migrationsOf(survey);
    this.#seen.set(key, { primaries: new Map([...known, ...primaries]), migrations });
    const moved = [...primaries].filter(([shard, pod]) => known.get(shard) !== undefined && known.get(shard) !== pod);
    const count = (change: Change, by: number) => this.#counter.count(name, change, by);
    count("failover", moved.length);
    if (before === undefined) {
      for (const change of CHANGES) count(change, 0);
      return;
    }
    const all = [...migrations.values()];
    const ended = all.filter((one) => !one.isUnderWay && before.migrations.get(one.name)?.isUnderWay !== false);
    const finished = ended.filter(({ state }) => state === "success").length;
    count("migrationStarted", all.filter((one) => !before.migrations.has(one.name)).length);
    count("migrationFinished", finished);
    count("migrationFailed", ended.length - finished);
  }

  forget(name: ObjectName): void {
    if (this.#seen.delete(keyOf(name))) this.#counter.forget(name);
  }
}

function keyOf({ namespace, name }: ObjectName): string {
  return `${namespace}/${name}`;
}

/** Those that a status names. */
function primariesIn({ status }: KVCluster): ReadonlyMap<number, string> {
  const named = (status?.shardStatus ?? []).flatMap(({ index, primary }): [number, string][] =>
    primary === undefined ? [] : [[index, primary]],
  );
  return new Map(named);
}

/** Of shards whose slots one server owns. */
function primariesOf({ shards }: ClusterSurvey): ReadonlyMap<number, string> {
  const led = shards.flatMap(({ index, owners }): [number, string][] => {
    const [owner] = owners;
    return owner === undefined || owners.length > 1 ? [] : [[index, owner.pod]];
  });
  return new Map(led);
}

/** Both ends tell of a migration under one name; one end may know earlier that it is over. */
function migrationsOf({ reachable }: ClusterSurvey): ReadonlyMap<string, SlotMigration> {
  const migrations = new Map<string, SlotMigration>();
  for (const one of reachable.flatMap(({ node }) => node.migrations ?? [])) {
    if (migrations.get(one.name)?.isUnderWay !== false) migrations.set(one.name, one);
  }
  return migrations;
}
