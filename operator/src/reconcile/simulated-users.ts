/** The ACL users of simulated servers: those of the Secret that they started with, then what they are told. "+nonsense" is refused. */

import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { ObjectName } from "../kubernetes-object.ts";
import { declaredUsersOf } from "../resources/declared-users.ts";
import type { Manifest } from "../resources/manifest.ts";
import type { FakeApiServer } from "../runtime/fake-api-server.ts";

export class SimulatedUsers {
  readonly #users = new Map<string, Map<string, string>>();
  /** How often a server was told of a user. */
  sets = 0;
  readonly #server: FakeApiServer;
  readonly #cluster: ObjectName;

  constructor(server: FakeApiServer, cluster: ObjectName) {
    this.#server = server;
    this.#cluster = cluster;
  }

  of(id: string): Map<string, string> {
    const users = this.#users.get(id) ?? this.#atStart();
    this.#users.set(id, users);
    return users;
  }

  set(id: string, name: string, words: readonly string[]): string | undefined {
    this.sets++;
    const wrong = words.find((word) => word === "+nonsense");
    if (wrong !== undefined) return `'${wrong}': Unknown command or category name in ACL`;
    // Not as it was told: servers have a form of their own.
    this.of(id).set(name, `user ${name} ${words.join(" ")} resetchannels`);
    return undefined;
  }

  restart(id: string): void {
    this.#users.delete(id);
  }

  #atStart(): Map<string, string> {
    const { namespace, name } = this.#cluster;
    const secret = this.#server.find<Manifest>(RESOURCE_KINDS.Secret, namespace, `${name}-server-auth`);
    const lines = [...declaredUsersOf(secret).lines].map(([user, line]) => [user, `${line} resetchannels`] as const);
    return new Map([["default", "user default on ~* &* +@all"], ...lines]);
  }
}
