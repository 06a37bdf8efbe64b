/** A primary that says just what a test says, to replicas that find it by its port: ours or redis-server. */

import { createServer, type Socket } from "node:net";
import { RespDecoder } from "@kvcluster/protocol/resp-decoder";

export interface Follower {
  readonly socket: Socket;
  /** The arguments of its PSYNC. */
  readonly askedFor: readonly string[];
}

const [CR, LF] = [13, 10];

export class FakePrimary {
  readonly #server = createServer((socket) => this.#serve(socket));
  readonly #sockets: Socket[] = [];
  readonly #arrived: Follower[] = [];
  #wake: () => void = () => undefined;
  port = 0;

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.port = (this.#server.address() as { port: number }).port;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  /** The next one that has asked by PSYNC. */
  async follower(): Promise<Follower> {
    for (;;) {
      const next = this.#arrived.shift();
      if (next !== undefined) return next;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #serve(socket: Socket): void {
    const decoder = new RespDecoder();
    this.#sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      // redis-server keeps the link alive with bare line breaks while it loads.
      decoder.push(Buffer.from(bytes.filter((byte, index) => byte !== LF || bytes[index - 1] === CR)));
      for (let value = decoder.next(); value !== undefined; value = decoder.next()) {
        const words = (value as Buffer[]).map(String);
        if (words[0] === "PSYNC") {
          this.#arrived.push({ socket, askedFor: words.slice(1) });
          this.#wake();
        } else if (words[0] === "PING") socket.write("+PONG\r\n");
        else if (words[1] !== "ACK") socket.write("+OK\r\n");
      }
    });
  }
}
