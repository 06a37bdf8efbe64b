/**
 * A RESP connection on a socket that is there already: commands in, replies in the same order out, error replies as the
 * values they are. Unlike the operator's (kv/node-connection.ts) it waits as long as a person does, and for large replies.
 */

import type { Duplex } from "node:stream";
import { RespDecoder, RespPush, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { type CommandArgument, encodeCommand } from "@kvcluster/protocol/resp-encoder";

export interface ServerLink {
  command(...words: readonly CommandArgument[]): Promise<RespValue>;
  close(): void;
}

interface Pending {
  readonly resolve: (value: RespValue) => void;
  readonly reject: (error: Error) => void;
}

/** `end` lets go of what carries the socket. */
export function serverLink(socket: Duplex, name: string, end: () => void): ServerLink {
  const decoder = new RespDecoder();
  const pending: Pending[] = [];
  let broken: Error | undefined;
  const fail = (reason: string): void => {
    if (broken !== undefined) return;
    broken = new Error(`The connection to ${name} is gone: ${reason}`);
    for (const { reject } of pending.splice(0)) reject(broken);
    socket.destroy();
    end();
  };
  socket.on("data", (chunk: Buffer) => {
    try {
      decoder.push(chunk);
      for (let value = decoder.next(); value !== undefined; value = decoder.next()) {
        // Messages that nobody asked for, after HELLO 3 and CLIENT TRACKING.
        if (!(value instanceof RespPush)) pending.shift()?.resolve(value);
      }
    } catch (error) {
      fail((error as Error).message);
    }
  });
  socket.on("error", (error: Error) => fail(error.message));
  socket.on("close", () => fail("closed"));
  return {
    command: (...words) =>
      new Promise((resolve, reject) => {
        if (broken !== undefined) {
          reject(broken);
          return;
        }
        pending.push({ resolve, reject });
        socket.write(encodeCommand(words));
      }),
    close: () => fail("closed"),
  };
}
