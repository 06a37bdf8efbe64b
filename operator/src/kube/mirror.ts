// Everything the operator looks at, mirrored in memory: one cache and one reflector for each watched kind. Of Kubernetes'
// own kinds only what carries our managed-by label: memory grows with our clusters, not with everybody's pods.
import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import type { KVScheduledBackup } from "../api/kv-scheduled-backup.ts";
import { MANAGED_SELECTOR } from "../api/labels.ts";
import { Cache } from "../runtime/cache.ts";
import type { Clock, Random } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { Reflector } from "../runtime/reflector.ts";
import type { KubeClient } from "./client.ts";
import type { HttpTransport } from "./http-transport.ts";
import { listWatch } from "./list-watch.ts";
import { type KindName, RESOURCE_KINDS } from "./resource-kinds.ts";

const CUSTOM_KINDS = ["KVCluster", "KVBackup", "KVScheduledBackup"] as const;
const OWNED_KINDS = [
  "StatefulSet",
  "Pod",
  "Service",
  "ConfigMap",
  "Secret",
  "PersistentVolumeClaim",
  "PodDisruptionBudget",
  "NetworkPolicy",
  "Job",
] as const satisfies readonly KindName[];

export type WatchedKind = (typeof CUSTOM_KINDS)[number] | (typeof OWNED_KINDS)[number];

export type Caches = Readonly<Record<(typeof OWNED_KINDS)[number], Cache>> & {
  readonly KVCluster: Cache<KVCluster>;
  readonly KVBackup: Cache<KVBackup>;
  readonly KVScheduledBackup: Cache<KVScheduledBackup>;
};

export interface MirrorDependencies {
  readonly client: KubeClient;
  readonly transport: HttpTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export class Mirror {
  readonly caches: Caches;
  readonly #reflectors: readonly Reflector[];
  readonly #clock: Clock;

  /** `namespace` limits it to one; all when absent. */
  constructor(namespace: string | undefined, dependencies: MirrorDependencies) {
    const { client, transport, clock, random, log } = dependencies;
    const within = namespace === undefined ? {} : { namespace };
    const mirror = (kind: WatchedKind, labelSelector?: string) => {
      const own = log.with({ kind });
      const cache = new Cache((error) => own.error("Handling a change failed", { error }));
      const selection = labelSelector === undefined ? within : { ...within, labelSelector };
      const source = listWatch(RESOURCE_KINDS[kind], selection, { client, transport });
      return { kind, cache, reflector: new Reflector({ source, cache, clock, random, log: own }) };
    };
    const mirrored = [
      ...CUSTOM_KINDS.map((kind) => mirror(kind)),
      ...OWNED_KINDS.map((kind) => mirror(kind, MANAGED_SELECTOR)),
    ];
    this.caches = Object.fromEntries(mirrored.map(({ kind, cache }) => [kind, cache])) as unknown as Caches;
    this.#reflectors = mirrored.map(({ reflector }) => reflector);
    this.#clock = clock;
  }

  start(): void {
    for (const reflector of this.#reflectors) {
      reflector.start();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  /** Settles when every kind has been listed once. */
  async whenSynced(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.whenSynced));
  }

  get hasSynced(): boolean {
    return this.#reflectors.every((reflector) => reflector.hasSynced);
  }

  /** How long the kind that was silent longest has heard nothing from the API server; undefined before the first list. */
  get silentForMs(): number | undefined {
    const contacts = this.#reflectors.map(({ lastContactMs }) => lastContactMs);
    return contacts.includes(undefined) ? undefined : this.#clock.now() - Math.min(...(contacts as number[]));
  }
}
