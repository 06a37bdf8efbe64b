/**
 * One request on its way through the server. There is a single Call for all requests: its fields are overwritten by the
 * parser, never kept. Arguments are places in `buffer`, not objects; argument 0 is the command's name.
 */

import type { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import type { CommandArgument } from "@kvcluster/protocol/resp-encoder";
import type { Database } from "../keyspace/database.ts";
import type { Client } from "./client.ts";
import type { ServerContext } from "./context.ts";

const INITIAL_ARGUMENTS = 64;

/** What replicas and the AOF get for a command, where it is not the request itself. */
export const Propagation = { asIs: 0, replaced: 1, none: 2 } as const;

export class Call {
  buffer: Buffer = Buffer.alloc(0);
  argc = 0;
  offset = new Int32Array(INITIAL_ARGUMENTS);
  length = new Int32Array(INITIAL_ARGUMENTS);
  /** Id of the running command in the table. */
  command = 0;
  /** Wall clock of this batch of requests, milliseconds since 1970. */
  nowMs = 0;
  client: Client;
  db: Database;
  readonly reply: ReplyWriter;
  readonly server: ServerContext;
  /** Whether anybody is sent what commands change; else hot commands need not say what to send instead of them. */
  isPropagated = false;
  /** One of `Propagation`; the dispatcher resets it for each command. */
  propagation: number = Propagation.asIs;
  /** With `Propagation.replaced`: the commands to send instead. */
  readonly effects: CommandArgument[][] = [];

  constructor(options: { client: Client; db: Database; reply: ReplyWriter; server: ServerContext }) {
    this.client = options.client;
    this.db = options.db;
    this.reply = options.reply;
    this.server = options.server;
  }

  /** Makes room for `count` arguments. What stood in the arrays is kept. */
  reserve(count: number): void {
    if (count <= this.offset.length) return;
    const size = Math.max(count, this.offset.length * 2);
    const offset = new Int32Array(size);
    const length = new Int32Array(size);
    offset.set(this.offset);
    length.set(this.length);
    this.offset = offset;
    this.length = length;
  }

  /** Argument `index` as text, bytes as latin1. Off the hot path. */
  text(index: number): string {
    const start = this.offset[index] as number;
    return this.buffer.toString("latin1", start, start + (this.length[index] as number));
  }

  /** A copy of argument `index` that outlives the request. */
  copy(index: number): Buffer {
    const start = this.offset[index] as number;
    return Buffer.from(this.buffer.subarray(start, start + (this.length[index] as number)));
  }

  /** Whether argument `index` is `word` (given in lower case), letter case aside. */
  is(index: number, word: string): boolean {
    const length = this.length[index] as number;
    if (length !== word.length) return false;
    const start = this.offset[index] as number;
    for (let k = 0; k < length; k++) {
      let byte = this.buffer[start + k] as number;
      if (byte >= 65 && byte <= 90) byte += 32;
      if (byte !== word.charCodeAt(k)) return false;
    }
    return true;
  }

  /** Name of the running command, `config|get` for a subcommand: also that of the event many commands tell. */
  get commandName(): string {
    return this.server.table.fullNames[this.command] as string;
  }

  /** Copies of the arguments from `first` to before `end`. */
  copies(first: number, end: number): Buffer[] {
    return Array.from({ length: end - first }, (_, k) => this.copy(first + k));
  }

  /** The key that argument `index` names was changed: see Database.signalModified. */
  signalModified(index: number): void {
    this.db.signalModified(this.buffer, this.offset[index] as number, this.length[index] as number);
  }

  /** Tells that an event of a class (`EventClass`) happened to the key that argument `index` names. */
  notify(eventClass: number, event: string, index: number): void {
    const { events } = this.server.keyspace;
    if ((events.mask & eventClass) !== 0) events.send(event, this.db.index, this.copy(index));
  }

  /** Sends `args` to replicas and the AOF in place of this request; may be called several times, in order. */
  propagateInstead(...args: CommandArgument[]): void {
    this.propagateWords(args);
  }

  /** The same for a command whose length a client chooses: so many arguments of a function would overflow the stack. */
  propagateWords(words: CommandArgument[]): void {
    this.propagation = Propagation.replaced;
    this.effects.push(words);
  }

  propagateNothing(): void {
    this.propagation = Propagation.none;
    this.effects.length = 0;
  }
}
