/**
 * For tests: a cluster of a fixed shape, of ours or of redis-server, so that the two can be asked the same. In what they answer the
 * nodes' names stand for ids and ports.
 */

import type { RespValue } from "@kvcluster/protocol/resp-decoder";
import { eventually } from "../persistence/reference-redis.ts";
import { ReferenceClient } from "./reference-server.ts";
import { type ServerKind, ServerProcess } from "./server-process.ts";

export const KINDS: readonly ServerKind[] = ["redis-server", "ours"];
const BUS_PORT_OFFSET = 10_000;
const DIRECTIVES = [
  ...["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0"],
  ...["--cluster-allow-replica-migration", "no", "--cluster-require-full-coverage", "no"],
];
const FIRST = { slots: [0, 8000], key: "b" } as const;
const SECOND = { slots: [8001, 16_383], key: "a" } as const;
/** Two shards, a primary without slots, and a replica each: of the second shard, it has no hostname. */
export const SHAPE = ["first", "second", "empty", "replica-of-first", "replica-of-second"] as const;
const NAMED = 4;

export type Name = (typeof SHAPE)[number];

export class NamedCluster {
  readonly nodes: ReadonlyMap<Name, ServerProcess>;
  readonly #clients = new Map<Name, ReferenceClient>();
  readonly #names = new Map<string, string>();

  private constructor(nodes: ReadonlyMap<Name, ServerProcess>) {
    this.nodes = nodes;
  }

  static async form(kind: ServerKind): Promise<NamedCluster> {
    const started = await Promise.all(SHAPE.map(() => ServerProcess.start(kind, DIRECTIVES)));
    const cluster = new NamedCluster(new Map(SHAPE.map((name, n) => [name, started[n] as ServerProcess])));
    for (const [n, name] of SHAPE.entries()) {
      const node = cluster.node(name);
      cluster.#clients.set(name, await ReferenceClient.connect(node.port));
      const id = String(await cluster.ask(name, "CLUSTER", "MYID"));
      cluster.#names.set(id, `<id-of-${name}>`);
      cluster.#names.set(String(node.port), `<port-of-${name}>`);
      cluster.#names.set(String(node.port + BUS_PORT_OFFSET), `<bus-port-of-${name}>`);
      await cluster.ask(name, "CLUSTER", "SET-CONFIG-EPOCH", n + 1);
      if (n < NAMED) await cluster.ask(name, "CONFIG", "SET", "cluster-announce-hostname", `${name}.test`);
    }
    await cluster.ask("first", "CLUSTER", "ADDSLOTSRANGE", ...FIRST.slots);
    await cluster.ask("second", "CLUSTER", "ADDSLOTSRANGE", ...SECOND.slots);
    for (const name of SHAPE.slice(1))
      await cluster.ask(name, "CLUSTER", "MEET", "127.0.0.1", cluster.node("first").port);
    for (const name of SHAPE) await cluster.#knowsAll(name);
    for (const primary of ["first", "second"] as const) {
      await cluster.ask(`replica-of-${primary}`, "CLUSTER", "REPLICATE", cluster.idOf(primary));
    }
    for (const name of SHAPE) await cluster.#seesReplicas(name);
    // Once they follow: what was written before is in no stream, and offsets stay 0 until the next ping.
    await cluster.#writes("first", FIRST.key);
    await cluster.#writes("second", SECOND.key);
    return cluster;
  }

  node(name: Name): ServerProcess {
    return this.nodes.get(name) as ServerProcess;
  }

  idOf(name: Name): string {
    return [...this.#names].find(([, told]) => told === `<id-of-${name}>`)?.[0] ?? "";
  }

  async ask(name: Name, ...command: (string | number)[]): Promise<RespValue> {
    const [reply] = await (this.#clients.get(name) as ReferenceClient).send([command]);
    if (reply instanceof Error) throw new Error(`${name}: ${reply.message}`);
    return reply as RespValue;
  }

  /** With names in the place of ids and ports. */
  named(text: string): string {
    return text.replace(/\b(?:[0-9a-f]{40}|\d{5})\b/g, (word) => this.#names.get(word) ?? word);
  }

  async kill(name: Name): Promise<void> {
    this.#clients.get(name)?.close();
    await this.node(name).stop();
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.values()) client.close();
    await Promise.all([...this.nodes.values()].map((node) => node.stop()));
  }

  /** A replica whose offset is not known yet is shown to nobody. */
  async #writes(name: Name, key: string): Promise<void> {
    await eventually(`${name} serves`, async () => String(await this.ask(name, "SET", key, "value")) === "OK");
  }

  async #seesReplicas(name: Name): Promise<void> {
    await eventually(`${name} sees the replicas follow`, async () => {
      const ranges = (await this.ask(name, "CLUSTER", "SLOTS")) as RespValue[][];
      return ranges.length === 2 && ranges.every((range) => range.length === 4);
    });
  }

  async #knowsAll(name: Name): Promise<void> {
    await eventually(`${name} knows all by name`, async () => {
      const lines = String(await this.ask(name, "CLUSTER", "NODES"))
        .trim()
        .split("\n");
      const hosts = lines.filter((line) => /,[\w-]+\.test /.test(line));
      return lines.length === SHAPE.length && hosts.length === NAMED && !/handshake|noaddr/.test(lines.join());
    });
  }
}
