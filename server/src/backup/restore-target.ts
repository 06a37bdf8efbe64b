/**
 * The server or cluster that a backup is restored into. Keys go to the primaries of their slots, many at a time; while a
 * cluster is finding itself (a failover, slots on the move) it is asked again where they belong, and tried again for a while.
 * Of servers outside of a cluster the one that is a primary counts, and the first that answers while none is.
 */

import { RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import type { CommandArgument } from "@kvcluster/protocol/resp-encoder";
import { keySlot } from "@kvcluster/protocol/slots";
import type { HostAndPort } from "./backup-arguments.ts";
import { type Access, type KeyedCommand, TargetConnection } from "./target-connection.ts";

export interface TargetOptions extends Access {
  /** Tried in turn. */
  readonly addresses: readonly HostAndPort[];
  readonly log: (message: string) => void;
}

/** Less than the silence after which a connection counts as broken. */
const REPLICAS_MS = 30_000;
const TRIES = 60;
const PAUSE_MS = 1000;
/** What a cluster that is changing answers, or a server that has just started. */
const PASSING = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|LOADING|MASTERDOWN|READONLY|BUSY) /;

class PassingRefusal extends Error {}

function isPassing({ message }: RespError): boolean {
  return PASSING.test(`${message} `);
}

export class RestoreTarget {
  readonly #options: TargetOptions;
  readonly #connections = new Map<string, TargetConnection>();
  /** By slot; undefined: no cluster, everything goes to the one server. */
  #owners: (string | undefined)[] | undefined;
  #first = "";

  private constructor(options: TargetOptions) {
    this.#options = options;
  }

  static async connect(options: TargetOptions): Promise<RestoreTarget> {
    const target = new RestoreTarget(options);
    await target.#learn();
    return target;
  }

  get isCluster(): boolean {
    return this.#owners !== undefined;
  }

  /** Runs all of them; throws at the first that is refused for good. */
  async run(commands: readonly KeyedCommand[]): Promise<void> {
    let left = commands;
    for (let attempt = 1; left.length > 0; attempt++) {
      const reasons = new Map<KeyedCommand, string>();
      await Promise.all([...this.#byOwner(left)].map(([owner, own]) => this.#runOn(owner, own, reasons)));
      left = left.filter((command) => reasons.has(command));
      if (left.length === 0) return;
      const reason = reasons.get(left[0] as KeyedCommand) as string;
      if (attempt === TRIES) throw new Error(`The target does not take the keys: ${reason}`);
      this.#options.log(`${left.length} keys are tried again: ${reason}`);
      await this.#learnLater();
    }
  }

  /** On every primary, one after another; returns their replies. What may be done twice: on all anew while it is refused in passing. */
  async runEverywhere(...words: readonly CommandArgument[]): Promise<readonly RespValue[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        const replies: RespValue[] = [];
        for (const owner of this.#primaries()) replies.push(await this.#runAlone(owner, words));
        return replies;
      } catch (error) {
        if (!(error instanceof PassingRefusal) || attempt === TRIES) throw error;
        this.#options.log(`${words[0]} is tried again: ${error.message}`);
        await this.#learnLater();
      }
    }
  }

  /** In all databases of all primaries. */
  async countKeys(): Promise<number> {
    // Owners may have changed since slots were last asked for.
    await this.#learn();
    const texts = await this.runEverywhere("INFO", "keyspace");
    const counts = texts.flatMap((text) => [...String(text).matchAll(/^db\d+:keys=(\d+)/gm)]);
    return counts.reduce((sum, [, keys]) => sum + Number(keys), 0);
  }

  /** Until the replicas that are connected have what was written, or do not answer for a while. */
  async waitForReplicas(): Promise<void> {
    for (const owner of this.#primaries()) {
      const info = String(await this.#runAlone(owner, ["INFO", "replication"]));
      const connected = Number(/^connected_slaves:(\d+)/m.exec(info)?.[1] ?? 0);
      const reached = Number(await this.#runAlone(owner, ["WAIT", String(connected), String(REPLICAS_MS)]));
      if (reached < connected) this.#options.log(`${owner}: ${reached} of ${connected} replicas have all keys by now`);
    }
  }

  #primaries(): readonly string[] {
    return [...new Set(this.#owners ?? [this.#first])].filter((owner) => owner !== undefined);
  }

  async #runAlone(owner: string, words: readonly CommandArgument[]): Promise<RespValue> {
    const [reply] = await this.#connection(owner).run([words]);
    if (!(reply instanceof RespError)) return reply as RespValue;
    const Refusal = isPassing(reply) ? PassingRefusal : Error;
    throw new Refusal(`${owner}: ${reply.message}`);
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
  }

  #byOwner(commands: readonly KeyedCommand[]): Map<string, KeyedCommand[]> {
    const groups = new Map<string, KeyedCommand[]>();
    for (const command of commands) {
      const { key } = command;
      const owner =
        this.#owners === undefined ? this.#first : (this.#owners[keySlot(key, 0, key.length)] ?? this.#first);
      const group = groups.get(owner);
      if (group === undefined) groups.set(owner, [command]);
      else group.push(command);
    }
    return groups;
  }

  async #runOn(owner: string, commands: readonly KeyedCommand[], reasons: Map<KeyedCommand, string>): Promise<void> {
    let replies: readonly RespValue[];
    try {
      replies = await this.#connection(owner).runIn(commands);
    } catch (error) {
      this.#connections.delete(owner);
      for (const command of commands) reasons.set(command, (error as Error).message);
      return;
    }
    for (const [index, command] of commands.entries()) {
      const reply = replies[index];
      if (!(reply instanceof RespError)) continue;
      if (!isPassing(reply)) throw new Error(`Key ${JSON.stringify(command.key.toString())}: ${reply.message}`);
      reasons.set(command, reply.message);
    }
  }

  #connection(address: string): TargetConnection {
    const known = this.#connections.get(address);
    if (known !== undefined) return known;
    const connection = new TargetConnection(address, this.#options);
    this.#connections.set(address, connection);
    return connection;
  }

  async #learnLater(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    await this.#learn();
  }

  /** Asks where slots are; the first address that answers counts, unless it is a replica outside of a cluster. */
  async #learn(): Promise<void> {
    const reasons: string[] = [];
    let replica: string | undefined;
    const known = [...new Set((this.#owners ?? []).filter((owner) => owner !== undefined))];
    for (const address of [...this.#options.addresses.map(({ host, port }) => `${host}:${port}`), ...known]) {
      try {
        const [reply, role] = await this.#connection(address).run([["CLUSTER", "SLOTS"], ["ROLE"]]);
        if (reply instanceof RespError && !reply.message.includes("cluster support disabled")) throw reply;
        this.#owners = Array.isArray(reply) ? ownersOf(reply, address) : undefined;
        if (this.#owners === undefined && isReplica(role)) replica ??= address;
        else {
          this.#first = address;
          return;
        }
      } catch (error) {
        this.#connections.get(address)?.close();
        this.#connections.delete(address);
        reasons.push(`${address}: ${(error as Error).message}`);
      }
    }
    if (replica === undefined) throw new Error(`Cannot reach the target: ${reasons.join("; ")}`);
    this.#first = replica;
  }
}

/** Servers that may not be asked have been taken for what they are given as. */
function isReplica(role: RespValue | undefined): boolean {
  return Array.isArray(role) && String(role[0]) === "slave";
}

/** An empty host stands for the one that was asked. */
function ownersOf(ranges: readonly RespValue[], asked: string): (string | undefined)[] {
  const owners: (string | undefined)[] = [];
  for (const range of ranges as readonly [number, number, [Buffer | null, number]][]) {
    const [start, end, [host, port]] = range;
    const name = host === null || host.length === 0 ? asked.slice(0, asked.lastIndexOf(":")) : String(host);
    for (let slot = Number(start); slot <= Number(end); slot++) owners[slot] = `${name}:${port}`;
  }
  return owners;
}
