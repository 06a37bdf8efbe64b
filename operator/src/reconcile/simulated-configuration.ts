/**
 * What the servers of a simulated Kubernetes run with: what their ConfigMap said when they started, else the defaults, until
 * they are told otherwise. Sizes are shown in bytes, numbers must be numbers, as in a server, and "nonsense" is refused.
 */

import { SERVER_DIRECTIVES } from "@kvcluster/protocol/server-directives";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { ObjectName } from "../kubernetes-object.ts";
import type { DirectivePairs } from "../kv/configuration.ts";
import type { Manifest } from "../resources/manifest.ts";
import { CONFIG_FILE } from "../resources/server-config.ts";
import type { FakeApiServer } from "../runtime/fake-api-server.ts";

const NUMBER = /^-?[0-9]+$/;
const MEBIBYTES = /^([0-9]+)mb$/;

export class SimulatedConfiguration {
  readonly #running = new Map<string, Map<string, string>>();
  readonly #server: FakeApiServer;
  readonly #cluster: ObjectName;
  /** Directives of which the image has not heard. */
  readonly unknown = new Set<string>();
  /** How often a server was told a value. */
  sets = 0;

  constructor(server: FakeApiServer, cluster: ObjectName) {
    this.#server = server;
    this.#cluster = cluster;
  }

  read(id: string, names: readonly string[]): ReadonlyMap<string, string> {
    const all = this.#of(id);
    return new Map(
      names.flatMap((name) => (all.has(name) && !this.unknown.has(name) ? [[name, all.get(name) ?? ""] as const] : [])),
    );
  }

  /** All or none. */
  set(id: string, pairs: DirectivePairs): string | undefined {
    this.sets++;
    const before = new Map(this.#of(id));
    const [refusal] = pairs.flatMap(([name, value]) => this.#setOne(id, name, value) ?? []);
    if (refusal !== undefined) this.#running.set(id, before);
    return refusal;
  }

  #setOne(id: string, name: string, value: string): string | undefined {
    if (this.unknown.has(name)) return `Unknown option or number of arguments for CONFIG SET - '${name}'`;
    if (value === "nonsense") return "Invalid event class character";
    const initial = SERVER_DIRECTIVES.find((row) => row.name === name)?.initial ?? "";
    if (NUMBER.test(initial) && !NUMBER.test(shown(value))) return "argument couldn't be parsed into an integer";
    this.#of(id).set(name, shown(value));
    return undefined;
  }

  /** With other values than the file has, if any. */
  restart(id: string, others: ReadonlyMap<string, string> = new Map()): void {
    this.#running.set(id, new Map([...this.#atStart(), ...others]));
  }

  #of(id: string): Map<string, string> {
    const running = this.#running.get(id) ?? this.#atStart();
    this.#running.set(id, running);
    return running;
  }

  #atStart(): Map<string, string> {
    const { namespace, name } = this.#cluster;
    const file = this.#server.find<Manifest>(RESOURCE_KINDS.ConfigMap, namespace, `${name}-config`);
    const lines = (file?.data?.[CONFIG_FILE] ?? "").split("\n").filter((line) => /^[a-z]/.test(line));
    const given = lines.map((line) => [line.split(" ")[0] ?? "", line.slice(line.indexOf(" ") + 1)] as const);
    const initial = SERVER_DIRECTIVES.map((row) => [row.name, row.initial] as const);
    return new Map([...initial, ...given.map(([key, value]) => [key, shown(value)] as const)]);
  }
}

function shown(value: string): string {
  const [, mebibytes] = MEBIBYTES.exec(value) ?? [];
  if (value === '""') return "";
  return mebibytes === undefined ? value : String(Number(mebibytes) * 2 ** 20);
}
