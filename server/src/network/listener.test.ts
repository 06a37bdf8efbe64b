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
