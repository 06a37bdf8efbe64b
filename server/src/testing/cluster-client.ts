/**
 * A client of a cluster for tests: one request at a time, sent to where it takes the slot to be, and again to where it is
 * told (MOVED, ASK), later where it is told to wait (TRYAGAIN, CLUSTERDOWN). It counts what it was told.
 */

import { RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import type { CommandArgument } from "@kvcluster/protocol/resp-encoder";
import { keySlot } from "@kvcluster/protocol/slots";
import { ReferenceClient } from "./reference-server.ts";

const MOST_ATTEMPTS = 400;
const RETRY_MS = 25;

export type Command = readonly [name: string, key: string, ...rest: CommandArgument[]];

export type Detour = "MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN";

export class ClusterClient {
  readonly #seedPort: number;
  readonly #password: string | undefined;
  readonly #connections = new Map<number, ReferenceClient>();
  readonly #portOfSlot = new Map<number, number>();
  readonly detours: Record<Detour, number> = { MOVED: 0, ASK: 0, TRYAGAIN: 0, CLUSTERDOWN: 0 };

  constructor(seedPort: number, password?: string) {
    this.#seedPort = seedPort;
    this.#password = password;
  }

  /** The reply, which may be an error that is no redirection. Rejects if a node closes the connection. */
  async send(...command: Command): Promise<RespValue> {
    const slot = slotOf(command[1]);
    let isAsking = false;
    let port = this.#portOfSlot.get(slot) ?? this.#seedPort;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const reply = await this.#ask(port, isAsking ? [["ASKING"], command] : [command]);
      if (!(reply instanceof RespError)) return reply;
      const [word, , address] = reply.message.split(" ");
      if (!isDetour(word)) return reply;
      this.detours[word]++;
      isAsking = word === "ASK";
      if (word === "MOVED" || word === "ASK") {
        port = Number(address?.split(":").at(-1));
        if (word === "MOVED") this.#portOfSlot.set(slot, port);
        continue;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      // A node that has left the cluster serves nothing any more: another will know who does.
      if (word === "CLUSTERDOWN") this.#portOfSlot.delete(slot);
      port = this.#portOfSlot.get(slot) ?? this.#anotherPort(port);
    }
    throw new Error(`${command.slice(0, 2).join(" ")}: nobody would serve slot ${slot}`);
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }

  /** The next of those that have been spoken to. */
  #anotherPort(port: number): number {
    const ports = [...this.#connections.keys()];
    return ports[(ports.indexOf(port) + 1) % ports.length] ?? this.#seedPort;
  }

  async #ask(port: number, commands: readonly (readonly CommandArgument[])[]): Promise<RespValue> {
    let connection = this.#connections.get(port);
    if (connection === undefined) {
      connection = await ReferenceClient.connect(port);
      if (this.#password !== undefined) await connection.send([["AUTH", this.#password]]);
      this.#connections.set(port, connection);
    }
    return (await connection.send(commands)).at(-1) as RespValue;
  }
}

export function slotOf(key: string): number {
  const bytes = Buffer.from(key);
  return keySlot(bytes, 0, bytes.length);
}

function isDetour(word: string | undefined): word is Detour {
  return word === "MOVED" || word === "ASK" || word === "TRYAGAIN" || word === "CLUSTERDOWN";
}
