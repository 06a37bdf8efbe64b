// The composition root: wires caches, controllers, leader election, events and the HTTP port together. Order matters:
// nothing is reconciled before every cache is complete and the lease is ours; on stop the controllers drain first, then
// the lease goes back, so the next operator never overlaps with us.
import { type AdminServer, startAdminServer } from "./admin-server.ts";
import { createControllers } from "./controllers.ts";
import { KubeClient } from "./kube/client.ts";
import type { HttpTransport } from "./kube/http-transport.ts";
import { leaseStore } from "./kube/lease-store.ts";
import { Mirror } from "./kube/mirror.ts";
import { OperatorMetrics } from "./operator-metrics.ts";
import type { Clock, Random } from "./runtime/clock.ts";
import type { Controller } from "./runtime/controller.ts";
import { EventRecorder } from "./runtime/event-recorder.ts";
import { LeaderElector } from "./runtime/leader-elector.ts";
import type { Logger } from "./runtime/logger.ts";

export interface OperatorOptions {
  /** Name of this copy, unique among the operator's copies. */
  readonly identity: string;
  /** Where the Lease lives. */
  readonly namespace: string;
  /** Undefined: all namespaces. */
  readonly watchNamespace: string | undefined;
  /** Image of servers and backup Jobs whose resource names none. */
  readonly serverImage: string;
  /** The DNS domain of Kubernetes, usually `cluster.local`. */
  readonly clusterDomain: string;
  readonly httpPort: number;
}

export interface OperatorDependencies {
  readonly transport: HttpTransport;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The lease was lost: the process must end at once. */
  readonly onLeadershipLost: () => void;
}

const LEASE_NAME = "kvcluster-operator";
const REPORTING_CONTROLLER = "kvcluster.dev/operator";
/** Beyond this silence something is wrong that a new process may cure: watches alone end every five minutes. */
const MAX_SILENCE_MS = 900_000;

export class Operator {
  readonly #options: OperatorOptions;
  readonly #dependencies: OperatorDependencies;
  readonly #mirror: Mirror;
  readonly #recorder: EventRecorder;
  readonly #elector: LeaderElector;
  readonly #controllers: readonly Controller[];
  readonly #metrics = new OperatorMetrics();
  #admin: AdminServer | undefined;
  #stopping = false;

  constructor(options: OperatorOptions, dependencies: OperatorDependencies) {
    const { transport, clock, random, log, onLeadershipLost } = dependencies;
    const client = new KubeClient(transport);
    this.#options = options;
    this.#dependencies = dependencies;
    this.#mirror = new Mirror(options.watchNamespace, { client, transport, clock, random, log });
    this.#recorder = new EventRecorder(
      { reportingController: REPORTING_CONTROLLER, reportingInstance: options.identity },
      {
        port: { create: (event) => client.create(event), patch: (event, patch) => client.mergePatch(event, patch) },
        clock,
        random,
        log,
      },
    );
    this.#controllers = createControllers({
      client,
      caches: this.#mirror.caches,
      recorder: this.#recorder,
      meter: this.#metrics,
      serverImage: options.serverImage,
      clusterDomain: options.clusterDomain,
      clock,
      random,
      log,
    });
    this.#elector = new LeaderElector(
      { identity: options.identity },
      {
        store: leaseStore(client, { namespace: options.namespace, name: LEASE_NAME }),
        clock,
        random,
        log,
        onElected: () => this.#lead(),
        onLost: onLeadershipLost,
      },
    );
    this.#metrics.observe(this.#mirror.caches, this.#controllers, () => this.#elector.isLeader);
  }

  /** Port of /healthz, /readyz and /metrics. */
  get port(): number {
    return this.#admin?.port ?? 0;
  }

  get isLeader(): boolean {
    return this.#elector.isLeader;
  }

  /** Settles when the HTTP port is open; the rest follows as the API server allows. */
  async start(): Promise<void> {
    const { httpPort, identity, watchNamespace } = this.#options;
    const health = { unhealthy: () => this.#unhealthy(), unready: () => this.#unready() };
    this.#admin = await startAdminServer(httpPort, health, this.#metrics.registry);
    this.#dependencies.log.info("Started", { identity, watchNamespace: watchNamespace ?? "all", port: this.port });
    this.#mirror.start();
    void this.#mirror.whenSynced().then(() => {
      if (!this.#stopping) {
        this.#dependencies.log.info("Caches were filled");
        this.#elector.start();
      }
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#controllers.map((controller) => controller.stop()));
    await this.#recorder.stop();
    await this.#elector.stop();
    await this.#mirror.stop();
    await this.#admin?.close();
    this.#dependencies.log.info("Stopped");
  }

  #lead(): void {
    if (!this.#stopping) {
      for (const controller of this.#controllers) {
        controller.start();
      }
    }
  }

  #unhealthy(): string | undefined {
    const silentForMs = this.#mirror.silentForMs ?? 0;
    return silentForMs > MAX_SILENCE_MS ? `a watch has been silent for ${Math.round(silentForMs / 1000)} s` : undefined;
  }

  #unready(): string | undefined {
    return this.#mirror.hasSynced ? undefined : "the caches are not filled yet";
  }
}
