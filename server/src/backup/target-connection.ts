/** One connection of a program that works on a server from outside; replies come in the order of commands. */

import type net from "node:net";
import { RespDecoder, RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { type CommandArgument, encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { openSocket, type TlsFiles } from "./outside-socket.ts";

/** By what one gets in. */
export interface Access {
  /** Empty: the default user. */
  readonly userName: string;
  /** Empty: none is needed. */
  readonly password: string;
  /** Undefined: without TLS. */
  readonly tls: TlsFiles | undefined;
}

export interface KeyedCommand {
  readonly key: Buffer;
  readonly database: number;
  readonly words: readonly CommandArgument[];
}

const SILENCE_MS = 60_000;

export class TargetConnection {
  readonly #socket: net.Socket;
  readonly #decoder = new RespDecoder();
  readonly #waiting: { resolve: (reply: RespValue) => void; reject: (error: Error) => void }[] = [];
  readonly #ready: Promise<unknown>;
  #database = 0;

  constructor(address: string, { userName, password, tls }: Access) {
    const at = address.lastIndexOf(":");
    const host = address.slice(0, at).replace(/^\[(.*)\]$/, "$1");
    this.#socket = openSocket({ host, port: Number(address.slice(at + 1)) }, tls);
    this.#socket.setTimeout(SILENCE_MS, () => this.#socket.destroy(new Error(`no answer for ${SILENCE_MS / 1000} s`)));
    this.#socket.on("data", (bytes) => this.#take(bytes));
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(new Error("the connection was closed")));
    this.#ready = password === "" ? Promise.resolve() : this.#signIn(userName, password);
    // Whoever runs something hears of it.
    this.#ready.catch(() => undefined);
  }

  async #signIn(userName: string, password: string): Promise<void> {
    const [reply] = await this.#send([userName === "" ? ["AUTH", password] : ["AUTH", userName, password]]);
    if (reply instanceof RespError) throw reply;
  }

  async run(commands: readonly (readonly CommandArgument[])[]): Promise<RespValue[]> {
    await this.#ready;
    return this.#send(commands);
  }

  /** The replies of the commands alone, each run in its database. */
  async runIn(commands: readonly KeyedCommand[]): Promise<RespValue[]> {
    const all: (readonly CommandArgument[])[] = [];
    const places: number[] = [];
    for (const { database, words } of commands) {
      if (database !== this.#database) all.push(["SELECT", String(database)]);
      this.#database = database;
      places.push(all.length);
      all.push(words);
    }
    const replies = await this.run(all);
    const selected = replies.find((reply, index) => reply instanceof RespError && !places.includes(index));
    if (selected instanceof RespError) throw selected;
    return places.map((place) => replies[place] as RespValue);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(commands: readonly (readonly CommandArgument[])[]): Promise<RespValue[]> {
    const replies = commands.map(
      () => new Promise<RespValue>((resolve, reject) => this.#waiting.push({ resolve, reject })),
    );
    if (this.#socket.destroyed) this.#fail(new Error("the connection was closed"));
    else for (const words of commands) this.#socket.write(encodeCommand(words));
    return Promise.all(replies);
  }

  #take(bytes: Buffer): void {
    this.#decoder.push(bytes);
    for (let reply = this.#decoder.next(); reply !== undefined; reply = this.#decoder.next()) {
      this.#waiting.shift()?.resolve(reply);
    }
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
