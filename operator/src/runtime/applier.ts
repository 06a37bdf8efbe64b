// Server-side apply that writes only when there is something to write. For each object it remembers the hash of what was
// applied and of what the server made of it (with its own defaults and spelling, so the two are never compared with each
// other). While we want the same and the live object still looks as the server made it, nothing is sent; any drift,
// whoever caused it, is applied again. The memory is only an economy: losing it costs one apply that changes nothing.
import { createHash } from "node:crypto";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { isRecord } from "./merge-patch.ts";

export interface ApplyPort {
  /** Server-side apply with the operator's field manager. Returns the object as the server has it now. */
  apply(object: KubernetesObject): Promise<KubernetesObject>;
}

interface Memory {
  readonly wanted: string;
  readonly result: string;
  /** The version the cache showed when we applied: while it still shows it, the cache has not caught up. */
  readonly seenVersion: string | undefined;
}

/** Fields that change without anyone changing the object's meaning. */
const VOLATILE_METADATA = ["resourceVersion", "generation", "managedFields", "creationTimestamp"];

export class Applier {
  readonly #port: ApplyPort;
  readonly #memory = new Map<string, Memory>();
  readonly #hashes = new WeakMap<KubernetesObject, string>();

  constructor(port: ApplyPort) {
    this.#port = port;
  }

  /** Brings the live object to what is wanted. `live` is the cached object, undefined when there is none. Returns whether something was sent. */
  async apply(wanted: KubernetesObject, live: KubernetesObject | undefined): Promise<boolean> {
    const key = keyOf(wanted);
    const wantedHash = hash(wanted);
    if (live !== undefined && this.#isSettled(key, wantedHash, live)) {
      return false;
    }
    const result = await this.#port.apply(wanted);
    this.#memory.set(key, {
      wanted: wantedHash,
      result: hash(meaningOf(result)),
      seenVersion: live?.metadata.resourceVersion,
    });
    return true;
  }

  /** Forgets an object that was deleted. */
  forget(object: KubernetesObject): void {
    this.#memory.delete(keyOf(object));
  }

  #isSettled(key: string, wantedHash: string, live: KubernetesObject): boolean {
    const memory = this.#memory.get(key);
    if (memory === undefined || memory.wanted !== wantedHash || live.metadata.deletionTimestamp !== undefined) {
      return false;
    }
    return memory.seenVersion === live.metadata.resourceVersion || memory.result === this.#liveHash(live);
  }

  #liveHash(live: KubernetesObject): string {
    const known = this.#hashes.get(live);
    if (known !== undefined) {
      return known;
    }
    const computed = hash(meaningOf(live));
    this.#hashes.set(live, computed);
    return computed;
  }
}

function keyOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  return `${apiVersion}/${kind}/${metadata.namespace ?? ""}/${metadata.name}`;
}

/** The object without status and without what the server counts up by itself. */
function meaningOf(object: KubernetesObject): unknown {
  const { status: _status, ...rest } = object as KubernetesObject & { status?: unknown };
  const metadata = Object.entries(object.metadata).filter(([key]) => !VOLATILE_METADATA.includes(key));
  return { ...rest, metadata: Object.fromEntries(metadata) };
}

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value, sortMembers)).digest("base64");
}

function sortMembers(_key: string, value: unknown): unknown {
  return isRecord(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
}
