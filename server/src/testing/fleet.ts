/**
 * A cluster of our servers in processes of their own that tests kill, freeze out and start again: three primaries with a
 * replica each, formed here without redis-cli. A node keeps its directory through all its lives. Where it runs is its place.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import type { CommandArgument } from "@kvcluster/protocol/resp-encoder";
import { eventually } from "../persistence/reference-redis.ts";
import { ChildServer } from "./child-server.ts";
import { ReferenceClient } from "./reference-server.ts";

export const SHARDS = 3;
export const SIZE = 2 * SHARDS;
const SLOTS = 16_384;
/** On a busy machine an answer takes its time; who is dead refuses the connection at once. */
const ASK_TIMEOUT_MS = 20_000;
const LIMIT_MS = 60_000;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Place {
  /** For clients and other nodes. */
  readonly address: Address;
  /** Where the test itself always reaches the node. */
  readonly observer: Address;
  readonly launcher: readonly string[];
  readonly directives: readonly string[];
}

/** What a node says of another, or of itself. */
export interface NodeView {
  readonly id: string;
  readonly port: number;
  readonly host: string;
  readonly flags: readonly string[];
  readonly primaryId: string;
  readonly isConnected: boolean;
  readonly slots: string;
}

export class FleetNode {
  readonly index: number;
  readonly directory = mkdtempSync(path.join(tmpdir(), "kv-fleet-"));
  place: Place;
  id = "";
  #server: ChildServer | undefined;
  #earlierLog = "";

  constructor(index: number, place: Place) {
    this.index = index;
    this.place = place;
  }

  get isRunning(): boolean {
    return this.#server !== undefined;
  }

  get log(): string {
    return this.#earlierLog + (this.#server?.log ?? "");
  }

  async start(): Promise<void> {
    const { address, launcher, directives } = this.place;
    const server = new ChildServer(this.directory, ["--port", String(address.port), ...directives], { launcher });
    this.#server = server;
    await server.ready();
  }

  async kill(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    await server.kill();
    this.#earlierLog += server.log;
  }

  async ask(...command: readonly CommandArgument[]): Promise<RespValue> {
    const { host, port } = this.place.observer;
    const client = await ReferenceClient.connect(port, {
      ...{ host, connectTimeoutMs: ASK_TIMEOUT_MS, timeoutMs: ASK_TIMEOUT_MS },
    });
    try {
      const [reply] = await client.send([command]);
      if (reply instanceof RespError) throw new Error(`${command.join(" ")}: ${reply.message}`);
      return reply as RespValue;
    } finally {
      client.close();
    }
  }

  async text(...command: readonly CommandArgument[]): Promise<string> {
    return String(await this.ask(...command));
  }

  async views(): Promise<NodeView[]> {
    const lines = (await this.text("CLUSTER", "NODES")).split("\n").filter((line) => line !== "");
    return lines.map(viewOf);
  }

  /** A field of INFO replication. */
  async replication(field: string): Promise<string> {
    const info = await this.text("INFO", "replication");
    return new RegExp(`^${field}:(.*?)\\r$`, "m").exec(info)?.[1] ?? "";
  }
}

function viewOf(line: string): NodeView {
  const [id = "", where = "", flags = "", primaryId = "", , , , link = "", ...slots] = line.split(" ");
  const [host = "", port = ""] = (where.split("@")[0] ?? "").split(/:(?=\d+$)/);
  const isConnected = link === "connected";
  return { id, host, port: Number(port), flags: flags.split(","), primaryId, isConnected, slots: slots.join(" ") };
}

export class Fleet {
  readonly nodes: readonly FleetNode[];

  constructor(places: readonly Place[]) {
    this.nodes = places.map((place, index) => new FleetNode(index, place));
  }

  /** Starts all and makes one cluster of them: the first three own a third of the slots each, the others follow in turn. */
  async form(): Promise<void> {
    const { nodes } = this;
    await Promise.all(nodes.map((node) => node.start()));
    for (const node of nodes) {
      node.id = await node.text("CLUSTER", "MYID");
      await node.ask("CLUSTER", "SET-CONFIG-EPOCH", node.index + 1);
    }
    for (const node of nodes.slice(0, SHARDS)) {
      const [first, next] = [node.index, node.index + 1].map((n) => Math.ceil((n * SLOTS) / SHARDS)) as [
        number,
        number,
      ];
      await node.ask("CLUSTER", "ADDSLOTSRANGE", first, next - 1);
    }
    const [seed, ...others] = nodes as [FleetNode, ...FleetNode[]];
    for (const { place } of others) await seed.ask("CLUSTER", "MEET", place.address.host, place.address.port);
    await this.agreed("all have met", (views) => views.length === nodes.length);
    for (const node of nodes.slice(SHARDS)) {
      await node.ask("CLUSTER", "REPLICATE", (nodes[node.index % SHARDS] as FleetNode).id);
    }
    await this.isWhole();
  }

  /** All six are up and see the same, every primary with slots has a replica that follows it. */
  async isWhole(): Promise<void> {
    await this.agreed("three primaries with a replica each", (views) => {
      const owners = views.filter(({ slots }) => slots !== "");
      return owners.length === SHARDS && owners.every(({ id }) => views.some(({ primaryId }) => primaryId === id));
    });
    for (const node of this.nodes) await this.#follows(node);
  }

  /** All running nodes are well, see each other, agree on roles and slots, and what they see is as wanted. */
  async agreed(what: string, isWanted: (views: readonly NodeView[]) => boolean): Promise<void> {
    const running = this.nodes.filter(({ isRunning }) => isRunning);
    const holds = async (): Promise<boolean> => {
      const all = await Promise.all(running.map((node) => node.views()));
      const infos = await Promise.all(running.map((node) => node.text("CLUSTER", "INFO")));
      const areOk = infos.every((info) => info.includes("cluster_state:ok"));
      return areOk && sameViews(all) && isWanted(all[0] as NodeView[]);
    };
    await eventually(what, () => holds().catch(() => false), LIMIT_MS);
  }

  /** Whom this node follows by its own account; itself if it is a primary. */
  async primaryOf(node: FleetNode): Promise<FleetNode> {
    const own = (await node.views()).find(({ flags }) => flags.includes("myself"));
    return own === undefined || own.primaryId === "-" ? node : this.byId(own.primaryId);
  }

  /** Nodes of a shard are always the same two. */
  async primaryOfShard(shard: number): Promise<FleetNode> {
    return this.primaryOf(this.nodes[shard] as FleetNode);
  }

  byId(id: string): FleetNode {
    const node = this.nodes.find((each) => each.id === id);
    if (node === undefined) throw new Error(`No node has the id ${id}`);
    return node;
  }

  /** Writes what all nodes have logged to a new directory, and gives its name. */
  keepLogs(): string {
    const directory = mkdtempSync(path.join(tmpdir(), "kv-fleet-logs-"));
    for (const { index, log, id } of this.nodes) {
      writeFileSync(path.join(directory, `node-${index}.log`), `id ${id}\n${log}`);
    }
    return directory;
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    for (const { directory } of this.nodes) rmSync(directory, { recursive: true, force: true });
  }

  async #follows(node: FleetNode): Promise<void> {
    await eventually(
      `node ${node.index} follows`,
      async () => {
        const [role, link] = [await node.replication("role"), await node.replication("master_link_status")];
        return role === "master" || link === "up";
      },
      LIMIT_MS,
    );
  }
}

/** Nobody suspects anybody, all are connected, and roles, addresses and slots are the same for all. */
function sameViews(all: readonly (readonly NodeView[])[]): boolean {
  const signatures = all.map((views) => {
    const isWell = views.every(
      ({ flags, isConnected }) => isConnected && !flags.some((flag) => /fail|handshake|noaddr/.test(flag)),
    );
    if (!isWell) return undefined;
    const lines = views.map(({ id, host, port, primaryId, slots, flags }) => {
      return [id, host, port, flags.filter((flag) => flag !== "myself").join(), primaryId, slots].join(" ");
    });
    return lines.sort().join("\n");
  });
  return signatures.every((signature) => signature !== undefined && signature === signatures[0]);
}
