// One leader among the operator's copies, by a Lease that the leader renews. A copy takes the lease when it has not
// seen it change for `leaseDuration` on its own clock: other machines' clocks are never compared with ours. A leader
// that could not renew for `renewDeadline`, which is shorter, stops being leader before anyone else can become it.
// Writes carry the version read, so of two that try at once one loses. Stopping gives the lease back at once.
import { type Clock, type Random, sleep } from "./clock.ts";
import type { Logger } from "./logger.ts";

export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export interface Lease {
  readonly resourceVersion: string;
  readonly spec: LeaseSpec;
}

/** The port to the Lease object. */
export interface LeaseStore {
  read(signal: AbortSignal): Promise<Lease | undefined>;
  create(spec: LeaseSpec, signal: AbortSignal): Promise<Lease>;
  /** Fails when the lease is no longer at this version. */
  update(lease: Lease, signal: AbortSignal): Promise<Lease>;
}

export interface LeaderElectorOptions {
  readonly identity: string;
  readonly leaseDurationMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
}

export interface LeaderElectorDependencies {
  readonly store: LeaseStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly onElected: () => void;
  /** The lease was lost: stop acting at once. Not called on `stop`. */
  readonly onLost: () => void;
}

export class LeaderElector {
  readonly #options: Required<LeaderElectorOptions>;
  readonly #dependencies: LeaderElectorDependencies;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #leading = false;
  #lost = false;
  #cancelDeadline: () => void = () => {};
  #observed: Lease | undefined;
  #observedAtMs = 0;

  constructor(options: LeaderElectorOptions, dependencies: LeaderElectorDependencies) {
    this.#options = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000, ...options };
    this.#dependencies = dependencies;
  }

  get isLeader(): boolean {
    return this.#leading;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#cancelDeadline();
    if (this.#leading) {
      this.#leading = false;
      await this.#release();
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted && !this.#lost) {
      // The moment before the write counts: the others count from when they see it.
      const attemptMs = this.#dependencies.clock.now();
      if (await this.#tryOnce(signal)) {
        this.#become(attemptMs);
      } else if (this.#leading && this.#isHeldByOther()) {
        this.#lose();
      }
      await this.#pause(signal);
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#dependencies;
    const jitter = this.#leading ? 0 : random() * 0.2;
    await sleep(clock, this.#options.retryPeriodMs * (1 + jitter), signal);
  }

  #become(renewedMs: number): void {
    const { clock, log, onElected } = this.#dependencies;
    if (this.#lost || this.#stopping.signal.aborted) {
      return;
    }
    this.#cancelDeadline();
    this.#cancelDeadline = clock.after(renewedMs + this.#options.renewDeadlineMs - clock.now(), () => this.#lose());
    if (!this.#leading) {
      this.#leading = true;
      log.info("Became leader", { identity: this.#options.identity });
      onElected();
    }
  }

  #lose(): void {
    if (!this.#leading) {
      return;
    }
    this.#cancelDeadline();
    this.#leading = false;
    this.#lost = true;
    this.#dependencies.log.error("Lost the lease", { holder: this.#observed?.spec.holderIdentity });
    this.#dependencies.onLost();
  }

  /** Whether we hold the lease, freshly renewed, after this attempt. */
  async #tryOnce(stopping: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#dependencies;
    const attempt = new AbortController();
    const cancel = clock.after(this.#options.renewDeadlineMs / 2, () => attempt.abort());
    try {
      return await this.#acquireOrRenew(AbortSignal.any([stopping, attempt.signal]));
    } catch (error) {
      if (!stopping.aborted) {
        log.warn("Could not take or renew the lease", { error });
      }
      return false;
    } finally {
      cancel();
    }
  }

  async #acquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { store, clock } = this.#dependencies;
    const lease = await store.read(signal);
    if (lease === undefined) {
      this.#observe(await store.create(this.#claim(undefined), signal));
      return true;
    }
    this.#observe(lease);
    const expired = clock.now() - this.#observedAtMs >= this.#options.leaseDurationMs;
    if (this.#isHeldByOther() && !expired) {
      return false;
    }
    this.#observe(await store.update({ ...lease, spec: this.#claim(lease.spec) }, signal));
    return true;
  }

  #observe(lease: Lease): void {
    if (this.#observed?.resourceVersion !== lease.resourceVersion) {
      this.#observed = lease;
      this.#observedAtMs = this.#dependencies.clock.now();
    }
  }

  #isHeldByOther(): boolean {
    const holder = this.#observed?.spec.holderIdentity ?? "";
    return holder !== "" && holder !== this.#options.identity;
  }

  #claim(previous: LeaseSpec | undefined): LeaseSpec {
    const { identity, leaseDurationMs } = this.#options;
    const now = microTime(this.#dependencies.clock.now());
    const renewal = previous?.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: leaseDurationMs / 1000,
      acquireTime: renewal ? (previous?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (previous?.leaseTransitions ?? 0) + (previous !== undefined && !renewal ? 1 : 0),
    };
  }

  async #release(): Promise<void> {
    const { clock, log, store } = this.#dependencies;
    const attempt = new AbortController();
    const cancel = clock.after(this.#options.retryPeriodMs, () => attempt.abort());
    try {
      // Read again: a renewal that was under way when we stopped may have moved the version.
      const lease = await store.read(attempt.signal);
      if (lease?.spec.holderIdentity !== this.#options.identity) {
        return;
      }
      const spec = { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1 };
      await store.update({ ...lease, spec }, attempt.signal);
      log.info("Released the lease");
    } catch (error) {
      log.warn("Could not release the lease: it runs out by itself", { error });
    } finally {
      cancel();
    }
  }
}

/** Kubernetes' MicroTime: exactly six digits of a second. */
export function microTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace("Z", "000Z");
}
