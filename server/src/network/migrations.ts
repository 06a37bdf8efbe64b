/**
 * MIGRATE: keys go to another server while ours serves its clients; only the client that asked waits. Redis stands still
 * meanwhile, so nobody can change a key that is on its way. Here somebody can: a key that the target has taken is compared
 * with what was sent and sent again if it has changed, and is deleted here in the same turn in which it was found the same.
 * Up to that turn it is served here, even while it does not exist: clients that were sent to the target before would find
 * there what has been deleted here, and the next sending would undo what they write.
 */

import type { Socket } from "node:net";
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
  /** To another server; `ready` is called when something can be said. */
  readonly connect: (host: string, port: number, ready: () => void) => Socket;
  /** Deletes a key that is at the target now, here and on replicas. */
  readonly deleteKey: (database: Database, key: Buffer) => void;
  /** The client may read requests again, unless something else holds it back. */
  readonly goesOn: (client: Client) => void;
}

/** A key as it was when it was sent; without a payload: it did not exist, and was to be deleted at the target. */
interface Sent {
  readonly key: Buffer;
  readonly payload: Buffer | undefined;
  readonly expireAtMs: number;
}

export class MigrationClients implements Migrations {
  readonly #parts: MigrationParts;
  readonly #waiting = new Set<Client>();
  /** Keys on their way, by database and name, and who takes them. */
  readonly #moving = new Map<string, MigrationRequest>();

  constructor(parts: MigrationParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#waiting.size;
  }

  isMoving(database: Database, key: Buffer): boolean {
    return this.#moving.size !== 0 && this.#moving.has(nameOf(database, key));
  }

  start(client: Client, request: MigrationRequest): void {
    if (!request.isCopy) for (const key of request.keys) this.#moving.set(nameOf(request.database, key), request);
    this.#waiting.add(client);
    client.set(ClientFlag.blocked, true);
    client.connection.pause();
    void this.#run(request).then((error) => {
      for (const key of request.keys) this.#endMove(request, key);
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
      target = await Target.connect(request, this.#parts.connect);
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

  #endMove(request: MigrationRequest, key: Buffer): void {
    const name = nameOf(request.database, key);
    if (this.#moving.get(name) === request) this.#moving.delete(name);
  }

  async #send(target: Target, request: MigrationRequest): Promise<string | undefined> {
    const opening: CommandArgument[][] = [];
    if (request.password !== undefined) {
      opening.push(["AUTH", ...(request.user === undefined ? [] : [request.user]), request.password]);
    }
    opening.push(["SELECT", request.targetDatabase]);
    for (const reply of await target.commands(opening)) if (reply instanceof RespError) return refusal(reply);
    let error: string | undefined;
    let keys = request.keys.filter((key) => {
      const isHere = request.database.peek(key, 0, key.length) !== 0;
      // What the target has of that name is none of ours: nothing was sent yet.
      if (!isHere) this.#endMove(request, key);
      return isHere;
    });
    for (let round = 0; keys.length > 0; round++) {
      if (round === MOST_ROUNDS) return CANNOT_READ;
      const sent = keys.map((key) => this.#pack(request, key));
      const replies = await target.outcomes(sent.map((one) => this.#commandsFor(request, one, round > 0)));
      keys = sent.flatMap((one, index) => {
        const reply = replies[index];
        if (reply instanceof RespError) error ??= refusal(reply);
        else if (!request.isCopy && !this.#finish(request, one)) return [one.key];
        return [];
      });
    }
    return error;
  }

  /** The key as it is now. */
  #pack({ database }: MigrationRequest, key: Buffer): Sent {
    const record = database.peek(key, 0, key.length);
    if (record === 0) return { key, payload: undefined, expireAtMs: 0 };
    return { key, payload: this.#parts.payloads.dump(record), expireAtMs: database.expireAtOf(record) };
  }

  /** Commands that make a key at the target what it is here; the reply to the last one counts. */
  #commandsFor(request: MigrationRequest, { key, payload, expireAtMs }: Sent, isAgain: boolean): CommandArgument[][] {
    const isCluster = this.#parts.isClusterEnabled;
    if (payload === undefined) return [...(isCluster ? [["ASKING"]] : []), ["DEL", key]];
    const ttl = expireAtMs === 0 ? 0 : Math.max(1, expireAtMs - this.#parts.clock.nowMs());
    const name = isCluster ? "RESTORE-ASKING" : "RESTORE";
    return [[name, key, ttl, payload, ...(request.isReplace || isAgain ? ["REPLACE"] : [])]];
  }

  /** Ends the move of a key that is still what was sent; false if it is not. */
  #finish(request: MigrationRequest, sent: Sent): boolean {
    const now = this.#pack(request, sent.key);
    if (!isSame(now, sent)) return false;
    if (now.payload !== undefined) this.#parts.deleteKey(request.database, sent.key);
    this.#endMove(request, sent.key);
    return true;
  }
}

function isSame(a: Sent, b: Sent): boolean {
  if (a.payload === undefined || b.payload === undefined) return a.payload === b.payload;
  return a.expireAtMs === b.expireAtMs && a.payload.equals(b.payload);
}

/** Of a key among all databases. */
function nameOf(database: Database, key: Buffer): string {
  return `${database.index}:${key.toString("latin1")}`;
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

  static connect({ host, port, timeoutMs }: MigrationRequest, connect: MigrationParts["connect"]): Promise<Target> {
    return new Promise((resolve, reject) => {
      const socket = connect(host, port, () => resolve(new Target(socket)));
      socket.setTimeout(timeoutMs, () => socket.destroy(new Error("The target is silent")));
      socket.once("error", reject);
    });
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

  /** The reply to the last command of each group. */
  async outcomes(groups: readonly (readonly (readonly CommandArgument[])[])[]): Promise<RespValue[]> {
    const replies = await this.commands(groups.flat());
    let end = 0;
    return groups.map(({ length }) => {
      end += length;
      return replies[end - 1] as RespValue;
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
