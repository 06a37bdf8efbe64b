import net from "node:net";
import { expect, test, vi } from "vitest";
import { Listener } from "./listener.ts";

test("Listener reports a connection that the system cannot give it, and goes on", async () => {
  const created = vi.spyOn(net, "createServer");
  const failures: string[] = [];
  const listener = new Listener({
    ...{ host: "127.0.0.1", port: 0, backlog: 10, keepAliveSeconds: 0 },
    accept: () => undefined,
    acceptFailed: (error) => failures.push(error.message),
  });
  const port = await listener.start();
  const server = created.mock.results[0]?.value as net.Server;
  server.emit("error", new Error("accept EMFILE"));
  expect(failures).toEqual(["accept EMFILE"]);
  const client = net.connect(port, "127.0.0.1");
  await new Promise((resolve) => client.once("connect", resolve));
  client.destroy();
  listener.stop();
  created.mockRestore();
});

test("a connection that has much to say lets the others have their turn", async () => {
  const heard: string[] = [];
  let done = (): void => undefined;
  const isDone = new Promise<void>((resolve) => {
    done = resolve;
  });
  const listener = new Listener({
    ...{ host: "127.0.0.1", port: 0, backlog: 10, keepAliveSeconds: 0, acceptFailed: () => undefined },
    accept: () => (chunk, start, end) => {
      heard.push(chunk.toString("latin1", start, start + 1));
      if (end > start && heard.includes("b")) done();
    },
  });
  const port = await listener.start();
  const [talker, other] = await Promise.all([connected(port), connected(port)]);
  talker.write(Buffer.alloc(1 << 20, "a"));
  other.write("b");
  await isDone;
  expect(heard.filter((letter) => letter === "a").length).toBeLessThanOrEqual(2);
  for (const socket of [talker, other]) socket.destroy();
  listener.stop();
});

function connected(port: number): Promise<net.Socket> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => resolve(socket));
  });
}
