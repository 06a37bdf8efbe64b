// Writes a status only when it differs from the live one, as a merge patch of the difference that carries the version it
// was computed from: a stale cache gives a conflict, never a mixture. A condition keeps its lastTransitionTime while its
// status stays the same, so times move only when something did. After a write the server's answer is used until the cache
// shows it or something newer: a cache that lags may first show earlier writes of our own.
import type { KubernetesObject } from "../kubernetes-object.ts";
import type { Clock } from "./clock.ts";
import { isRecord, mergePatch } from "./merge-patch.ts";

export interface StatusPort {
  /** Merge-patches the status subresource. Returns the object as the server has it now. */
  patchStatus(object: KubernetesObject, patch: unknown): Promise<KubernetesObject>;
}

export interface ConditionLike {
  readonly type: string;
  readonly status: string;
  readonly lastTransitionTime?: string;
}

interface Written {
  /** What the cache has shown and may still show although it is older than the result. */
  readonly olderVersions: ReadonlySet<string | undefined>;
  readonly result: KubernetesObject;
}

export class StatusWriter {
  readonly #port: StatusPort;
  readonly #clock: Clock;
  readonly #written = new Map<string, Written>();

  constructor(port: StatusPort, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
  }

  /**
   * Makes `status` the object's whole status. Conditions come without lastTransitionTime. Returns whether something
   * was sent.
   */
  async write(live: KubernetesObject, status: Readonly<Record<string, unknown>>): Promise<boolean> {
    const base = this.#latest(live);
    const before = statusOf(base);
    const patch = mergePatch(before, this.#withTransitionTimes(before, status));
    if (patch === undefined) {
      return false;
    }
    const result = await this.#port.patchStatus(live, {
      metadata: { resourceVersion: base.metadata.resourceVersion },
      status: patch,
    });
    const earlier = this.#written.get(uidOf(live))?.olderVersions ?? [];
    const olderVersions = new Set([...earlier, live.metadata.resourceVersion, base.metadata.resourceVersion]);
    this.#written.set(uidOf(live), { olderVersions, result });
    return true;
  }

  /** Forgets an object that was deleted. */
  forget(object: KubernetesObject): void {
    this.#written.delete(uidOf(object));
  }

  #latest(live: KubernetesObject): KubernetesObject {
    const written = this.#written.get(uidOf(live));
    if (written?.olderVersions.has(live.metadata.resourceVersion)) {
      return written.result;
    }
    this.#written.delete(uidOf(live));
    return live;
  }

  #withTransitionTimes(before: Record<string, unknown>, status: Readonly<Record<string, unknown>>): unknown {
    if (!Array.isArray(status.conditions)) {
      return status;
    }
    const known = (Array.isArray(before.conditions) ? before.conditions : []) as readonly ConditionLike[];
    const conditions = (status.conditions as readonly ConditionLike[]).map((condition) => {
      const previous = known.find(({ type }) => type === condition.type);
      const now = new Date(this.#clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
      const lastTransitionTime = previous?.status === condition.status ? (previous.lastTransitionTime ?? now) : now;
      return { ...condition, lastTransitionTime };
    });
    return { ...status, conditions };
  }
}

function statusOf(object: KubernetesObject): Record<string, unknown> {
  const { status } = object as KubernetesObject & { status?: unknown };
  return isRecord(status) ? status : {};
}

function uidOf({ metadata }: KubernetesObject): string {
  return metadata.uid ?? `${metadata.namespace ?? ""}/${metadata.name}`;
}
