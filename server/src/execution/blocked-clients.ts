/**
 * Clients that wait in a blocking command for a key. The command itself says that there is nothing for it yet
 * (`Blocking.block`), and is kept as a copy; when one of its keys gets ready it simply runs again. It either finds
 * something, then its reply goes out and the client goes on, or blocks again, which leaves it where it was in the line.
 *
 * Order: keys in the order they became ready, clients of a key in the order they came, always after the whole command or
 * transaction that made the key ready. What serving makes ready is served in turn.
 */

import type { Call } from "../commands/call.ts";
import { type Client, ClientFlag, DENIES_BLOCKING, type QueuedCommand } from "../commands/client.ts";
import type { Blocking, BlockRequest } from "../commands/context.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { KeyWaiter, WaitedKey } from "../keyspace/waited-keys.ts";
import type { CancelTimer, Clock } from "../platform/clock.ts";
import { copyOf } from "./transaction-queue.ts";

/** Runs a command for a client outside of its requests and gives the bytes of the reply. */
export type RunFor = (client: Client, command: QueuedCommand) => Buffer;

interface BlockedClient extends KeyWaiter {
  readonly client: Client;
  readonly command: QueuedCommand;
  cancelTimer: CancelTimer | undefined;
}

export interface BlockedClientsParts {
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  readonly runFor: RunFor;
  /** The client may read requests again, unless something else holds it back. */
  readonly goesOn: (client: Client) => void;
  /** Counts an error that a client got in place of the reply it waited for. */
  readonly failed: (command: number, error: string) => void;
}

/** A timer cannot run longer; a longer wait takes several. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const NULL = Buffer.from("_\r\n");
const NULL_ARRAY = Buffer.from("*-1\r\n");
const UNBLOCKED = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

export class BlockedClients implements Blocking {
  readonly #keyspace: Keyspace;
  readonly #clock: Clock;
  readonly #runFor: RunFor;
  readonly #goesOn: (client: Client) => void;
  readonly #failed: (command: number, error: string) => void;
  readonly #blocked = new Map<Client, BlockedClient>();
  /** The client whose command is run again. */
  #retried: Client | undefined;
  #blocksAgain = false;

  constructor({ keyspace, clock, runFor, goesOn, failed }: BlockedClientsParts) {
    this.#failed = failed;
    this.#keyspace = keyspace;
    this.#clock = clock;
    this.#runFor = runFor;
    this.#goesOn = goesOn;
  }

  get count(): number {
    return this.#blocked.size;
  }

  /** Of those, who will not wait for ever. */
  get countWithTimeout(): number {
    let count = 0;
    for (const { cancelTimer } of this.#blocked.values()) if (cancelTimer !== undefined) count++;
    return count;
  }

  block(call: Call, request: BlockRequest): void {
    const { client } = call;
    if (client === this.#retried) {
      this.#blocksAgain = true;
      return;
    }
    if (client.has(DENIES_BLOCKING)) {
      if (request.emptyReply === "array") call.reply.nilArray();
      else call.reply.nil();
      return;
    }
    const blocked: BlockedClient = {
      client,
      command: copyOf(call, call.command),
      databaseIndex: call.db.index,
      keys: request.keys,
      type: request.type,
      wakesOnLoss: request.wakesOnLoss ?? false,
      cancelTimer: undefined,
      tryServe: () => this.#tryServe(blocked),
    };
    if (request.timeoutMs > 0) this.#startTimer(blocked, this.#clock.nowMs() + request.timeoutMs);
    this.#blocked.set(client, blocked);
    this.#keyspace.waited.add(blocked);
    client.set(ClientFlag.blocked, true);
    client.connection.pause();
  }

  /** Serves whoever waits for keys that have become ready. To be called between commands. */
  serveReady(): void {
    const { waited } = this.#keyspace;
    while (waited.hasReady) for (const key of waited.takeReady()) this.#serve(key);
  }

  /** Ends the waiting of a client as if its time were over, or with an error; false if it does not wait. */
  unblock(client: Client, withError: boolean): boolean {
    const blocked = this.#blocked.get(client);
    if (blocked === undefined) return false;
    if (withError) this.#fail(blocked, UNBLOCKED);
    else this.#finish(blocked, timedOutReply(client));
    return true;
  }

  /** Ends the waiting of all clients for which there is an error. */
  unblockAll(errorFor: (client: Client, keys: readonly Buffer[]) => string | undefined): void {
    for (const blocked of [...this.#blocked.values()]) {
      const error = errorFor(blocked.client, blocked.keys);
      if (error !== undefined) this.#fail(blocked, error);
    }
  }

  /** The client has gone. */
  forget(client: Client): void {
    const blocked = this.#blocked.get(client);
    if (blocked !== undefined) this.#leaveLine(blocked);
  }

  #serve({ databaseIndex, key, waiters }: WaitedKey): void {
    const database = this.#keyspace.database(databaseIndex);
    for (const waiter of waiters) {
      // One that has expired meanwhile goes, and replicas hear of it.
      const record = database.lookupState(key, 0, key.length);
      const isThere = record !== 0 && database.typeOf(record) === waiter.type;
      if (isThere || waiter.wakesOnLoss) waiter.tryServe();
    }
  }

  #tryServe(blocked: BlockedClient): void {
    this.#retried = blocked.client;
    this.#blocksAgain = false;
    const reply = this.#runFor(blocked.client, blocked.command);
    this.#retried = undefined;
    if (!this.#blocksAgain) this.#finish(blocked, reply);
  }

  #startTimer(blocked: BlockedClient, endMs: number): void {
    const leftMs = endMs - this.#clock.nowMs();
    blocked.cancelTimer = this.#clock.after(Math.max(0, Math.min(leftMs, LONGEST_TIMER_MS)), () => {
      if (this.#clock.nowMs() < endMs) this.#startTimer(blocked, endMs);
      else this.#finish(blocked, timedOutReply(blocked.client));
    });
  }

  #fail(blocked: BlockedClient, error: string): void {
    this.#failed(blocked.command.command, error);
    this.#finish(blocked, errorReply(error));
  }

  #finish(blocked: BlockedClient, reply: Buffer): void {
    const { client } = blocked;
    this.#leaveLine(blocked);
    client.set(ClientFlag.blocked, false);
    if (reply.length > 0 && !client.has(ClientFlag.replyOff)) client.connection.send(reply);
    if (client.has(ClientFlag.closeAfterReply)) client.connection.closeAfterFlush();
    else this.#goesOn(client);
  }

  #leaveLine(blocked: BlockedClient): void {
    blocked.cancelTimer?.();
    this.#blocked.delete(blocked.client);
    this.#keyspace.waited.remove(blocked);
  }
}

/** As redis-server has it: a null array, also where the command's own reply for nothing is another. */
function timedOutReply(client: Client): Buffer {
  return client.protocol === 3 ? NULL : NULL_ARRAY;
}

function errorReply(text: string): Buffer {
  return Buffer.from(`-${text}\r\n`, "latin1");
}
