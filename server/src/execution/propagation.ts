/**
 * What replicas and the AOF are sent for the commands that ran: the request as it came, or what its function put in its
 * place. Everything a transaction changed goes out between MULTI and EXEC, so that it is applied as one there too; one command
 * alone needs no such words, so the first waits until there is a second, or none will come.
 */

import { type CommandArgument, encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { type Call, Propagation } from "../commands/call.ts";

/** One who takes the stream of changes: the replication backlog, the AOF. */
export interface CommandFeed {
  /** False: nobody listens, and nothing needs to be prepared. */
  readonly active: boolean;
  /** Where its stream has come to, for WAIT; undefined if it has no such count. */
  readonly offset: number | undefined;
  /** Takes `bytes[start..end)`, whole RESP commands that ran against database `databaseIndex`, −1 for any. Copies what it keeps. */
  feed(databaseIndex: number, bytes: Buffer, start: number, end: number): void;
}

/** Who is told of changes; a script may leave some out. As `redis.set_repl` has them. */
export const Target = { none: 0, appendOnly: 1, replicas: 2, all: 3 } as const;
/** The next owner of a slot that moves is told of everything. */
const NEXT_OWNER = 4;

const ANY_DATABASE = -1;
const MULTI = encodeCommand(["MULTI"]);
const EXEC = encodeCommand(["EXEC"]);

interface HeldCommand {
  readonly databaseIndex: number;
  readonly bytes: Buffer;
}

export class Propagator {
  readonly #feeds: readonly CommandFeed[];
  /** The target that each feed is. */
  readonly #targetOf = [Target.replicas, Target.appendOnly, NEXT_OWNER] as const;
  #inTransaction = false;
  /** The targets that have been told of a transaction. */
  #openFor = 0;
  /** For each target, the first command of a transaction that it has not been told of. */
  readonly #first: (HeldCommand | undefined)[] = [];
  /** Who hears of changes from now on. */
  targets: number = Target.all;

  constructor(replicas: CommandFeed, appendOnly: CommandFeed, moved?: CommandFeed) {
    this.#feeds = moved === undefined ? [replicas, appendOnly] : [replicas, appendOnly, moved];
  }

  get active(): boolean {
    for (const feed of this.#feeds) if (feed.active) return true;
    return false;
  }

  /** What is sent belongs to a change that is not over. */
  get isInTransaction(): boolean {
    return this.#inTransaction;
  }

  /** The offset of the stream that replicas follow. */
  get offset(): number {
    for (const feed of this.#feeds) if (feed.offset !== undefined) return feed.offset;
    return 0;
  }

  /** Sends what the call that just ran changed; `start` and `end` bound its frame in `call.buffer`, −1 if it has none there. */
  send(call: Call, databaseIndex: number, start: number, end: number): void {
    if (call.propagation === Propagation.none) return;
    if (call.propagation === Propagation.replaced) {
      this.#sendEffects(call.effects, databaseIndex);
      return;
    }
    if (start >= 0) this.#feed(databaseIndex, call.buffer, start, end);
    else this.sendCommand(databaseIndex, argumentsOf(call));
  }

  /** What one command became is one change: several commands go out as a transaction. */
  #sendEffects(effects: readonly CommandArgument[][], databaseIndex: number): void {
    const isOwnTransaction = effects.length > 1 && !this.#inTransaction;
    if (isOwnTransaction) this.beginTransaction();
    for (const args of effects) this.sendCommand(databaseIndex, args);
    if (isOwnTransaction) this.endTransaction();
  }

  /** Sends a command that no client sent as it is: an expiry's DEL, an eviction. */
  sendCommand(databaseIndex: number, args: readonly CommandArgument[]): void {
    const bytes = encodeCommand(args);
    this.#feed(databaseIndex, bytes, 0, bytes.length);
  }

  beginTransaction(): void {
    this.#inTransaction = true;
    this.#openFor = 0;
    this.#first.length = 0;
  }

  /** Whether anything of it was sent. */
  endTransaction(): boolean {
    this.#inTransaction = false;
    const isSent = this.#openFor !== 0 || this.#first.some((first) => first !== undefined);
    for (const [index, feed] of this.#feeds.entries()) {
      if ((this.#openFor & (this.#targetOf[index] as number)) !== 0) feed.feed(ANY_DATABASE, EXEC, 0, EXEC.length);
      this.#sendFirst(index, feed);
    }
    this.#openFor = 0;
    return isSent;
  }

  #sendFirst(index: number, feed: CommandFeed): void {
    const first = this.#first[index];
    this.#first[index] = undefined;
    if (first !== undefined && feed.active) feed.feed(first.databaseIndex, first.bytes, 0, first.bytes.length);
  }

  #feed(databaseIndex: number, bytes: Buffer, start: number, end: number): void {
    for (let index = 0; index < this.#feeds.length; index++) {
      const feed = this.#feeds[index] as CommandFeed;
      const target = this.#targetOf[index] as number;
      if (!feed.active || ((this.targets | NEXT_OWNER) & target) === 0) continue;
      if (this.#inTransaction && (this.#openFor & target) === 0) {
        const first = this.#first[index];
        if (first === undefined) {
          this.#first[index] = { databaseIndex, bytes: Buffer.from(bytes.subarray(start, end)) };
          continue;
        }
        this.#openFor |= target;
        feed.feed(first.databaseIndex, MULTI, 0, MULTI.length);
        this.#sendFirst(index, feed);
      }
      feed.feed(databaseIndex, bytes, start, end);
    }
  }
}

function argumentsOf(call: Call): Buffer[] {
  const args: Buffer[] = [];
  for (let i = 0; i < call.argc; i++) args.push(call.copy(i));
  return args;
}
