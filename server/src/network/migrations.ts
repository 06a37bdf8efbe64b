/**
 * MIGRATE: keys go to another server while ours serves its clients; only the client that asked waits. Redis stands still
 * meanwhile, so nobody can change a key that is on its way. Here somebody can: a key that the target has taken is compared
 * with what was sent and sent again if it has changed, and is deleted here in the same turn in which it was found the same.
 */

import { connect, type Socket } from "node:net";
import { RespDecoder, RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { type CommandArgument, encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { type Client, ClientFlag } from "../commands/client.ts";
import type { MigrationRequest, Migrations } from "../commands/context.ts";
import type { Database } from "../keyspace/database.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { ValuePayloads } from "../persistence/value-payload.ts";
import type { Clock } from "../platform/clock.ts";

const CANNOT_CONNECT = "IOERR error or timeout connecting to the client";
/** Redis notices a refused connection when it writes. */
const CANNOT_WRITE = "IOERR error or timeout writing to target instance";
const CANNOT_READ = "IOERR error or timeout reading to target instance";
/** A key that changes faster than it can be sent stays here. */
const MOST_ROUNDS = 100;

export interface MigrationParts {
  readonly keyspace: Keyspace;
  readonly payloads: ValuePayloads;
  readonly clock: Clock;
  readonly isClusterEnabled: boolean;
  /** Deletes a key that is at the target now, here and on replicas. */
  readonly deleteKey: (database: Database, key: Buffer) => void;
  /** The client may read requests again, unless something else holds it back. */
  readonly goesOn: (client: Client) => void;
}

interface Sent {
  readonly key: Buffer;
  readonly payload: Buffer;
  readonly expireAtMs: number;
}

export class MigrationClients implements Migrations {
  readonly #parts: MigrationParts;
  readonly #waiting = new Set<Client>();

  constructor(parts: MigrationParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#waiting.size;
  }

  start(client: Client, request: MigrationRequest): void {
    this.#waiting.add(client);
    client.set(ClientFlag.blocked, true);
    client.connection.pause();
    void this.#run(request).then((error) => {
      if (!this.#waiting.delete(client)) return;
      client.set(ClientFlag.blocked, false);
      client.connection.send(Buffer.from(error === undefined ? "+OK\r\n" : `-${error}\r\n`, "latin1"));
      this.#parts.goesOn(client);
    });
  }

  /** The client has gone; what it asked for is done all the same. */
  forget(client: Client): void {
    this.#waiting.delete(client);
  }

  /** The error text, or undefined. */
  async #run(request: MigrationRequest): Promise<string | undefined> {
    let target: Target;
    try {
      target = await Target.connect(request);
    } catch (reason) {
      return (reason as NodeJS.ErrnoException).code === "ECONNREFUSED" ? CANNOT_WRITE : CANNOT_CONNECT;
    }
    try {
      return await this.#send(target, request);
    } catch {
      return CANNOT_READ;
    } finally {
      target.close();
    }
  }

  async #send(target: Target, request: MigrationRequest): Promise<string | undefined> {
    const opening: CommandArgument[][] = [];
    if (request.password !== undefined) {
      opening.push(["AUTH", ...(request.user === undefined ? [] : [request.user]), request.password]);
    }
    opening.push(["SELECT", request.targetDatabase]);
    for (const reply of await target.commands(opening)) if (reply instanceof RespError) return refusal(reply);
    let error: string | undefined;
    let keys = request.keys;
    for (let round = 0; keys.length > 0; round++) {
      if (round === MOST_ROUNDS) return CANNOT_READ;
      const sent = keys.flatMap((key) => this.#pack(request, key));
      const replies = await target.commands(sent.map((one) => this.#restoreOf(request, one, round > 0)));
      const changed: Buffer[] = [];
      for (const [index, one] of sent.entries()) {
        const reply = replies[index];
        if (reply instanceof RespError) error ??= refusal(reply);
        else if (!request.isCopy && !this.#finish(request, one)) changed.push(one.key);
      }
      const gone = changed.filter((key) => this.#pack(request, key).length === 0);
      if (gone.length > 0) await target.commands([["DEL", ...gone]]);
      keys = changed.filter((key) => !gone.includes(key));
    }
    return error;
  }

  /** The key as it is now; nothing if there is none. */
  #pack({ database }: MigrationRequest, key: Buffer): Sent[] {
    const record = database.peek(key, 0, key.length);
    if (record === 0) return [];
    return [{ key, payload: this.#parts.payloads.dump(record), expireAtMs: database.expireAtOf(record) }];
  }

  #restoreOf(request: MigrationRequest, { key, payload, expireAtMs }: Sent, isAgain: boolean): CommandArgument[] {
    const ttl = expireAtMs === 0 ? 0 : Math.max(1, expireAtMs - this.#parts.clock.nowMs());
    const name = this.#parts.isClusterEnabled ? "RESTORE-ASKING" : "RESTORE";
    return [name, key, ttl, payload, ...(request.isReplace || isAgain ? ["REPLACE"] : [])];
  }

  /** Deletes a key that is still what was sent; false if it is not. */
  #finish(request: MigrationRequest, sent: Sent): boolean {
    const now = this.#pack(request, sent.key)[0];
    const isSame = now !== undefined && now.expireAtMs === sent.expireAtMs && now.payload.equals(sent.payload);
    if (isSame) this.#parts.deleteKey(request.database, sent.key);
    return isSame;
  }
}

function refusal(reply: RespError): string {
  return `ERR Target instance replied with error: ${reply.message}`;
}

/** A connection that gives as many replies as commands; silence for the time of the request ends it. */
class Target {
  readonly #socket: Socket;
  readonly #decoder = new RespDecoder();
  #wake: () => void = () => undefined;
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#decoder.push(bytes);
      this.#wake();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  static async connect({ host, port, timeoutMs }: MigrationRequest): Promise<Target> {
    const socket = connect({ host, port, noDelay: true });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error("The target is silent")));
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new Target(socket);
  }

  async commands(commands: readonly (readonly CommandArgument[])[]): Promise<RespValue[]> {
    const replies: RespValue[] = [];
    if (commands.length === 0) return replies;
    this.#socket.write(Buffer.concat(commands.map(encodeCommand)));
    while (replies.length < commands.length) {
      const reply = this.#decoder.next();
      if (reply !== undefined) replies.push(reply);
      else if (this.#isClosed) throw new Error("The target has closed the connection");
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
    return replies;
  }

  close(): void {
    this.#socket.destroy();
  }
}
