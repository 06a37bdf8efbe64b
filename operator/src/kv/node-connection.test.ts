import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { connectNode, NodeCommandError, type NodeConnection } from "./node-connection.ts";

const OPTIONS = { connectTimeoutMs: 500, commandTimeoutMs: 50 };
const servers: Server[] = [];
const sockets: Socket[] = [];
const connections: NodeConnection[] = [];

afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** A server that answers each chunk it receives by `answer`; returns what it received. */
async function serve(answer: (request: string, socket: Socket) => void): Promise<{ port: number; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      requests.push(chunk.toString());
      answer(chunk.toString(), socket);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, requests };
}

async function open(port: number, password?: string): Promise<NodeConnection> {
  const connection = await connectNode({ host: "127.0.0.1", port, password }, OPTIONS);
  connections.push(connection);
  return connection;
}

describe("connectNode", () => {
  it("authenticates first and returns replies that arrive in pieces", async () => {
    const { port, requests } = await serve((request, socket) => {
      if (request.includes("AUTH")) return socket.write("+OK\r\n");
      socket.write("$5\r\nhe");
      return setImmediate(() => socket.write("llo\r\n"));
    });
    const connection = await open(port, "secret");
    expect(await connection.command("GREET")).toEqual(Buffer.from("hello"));
    expect(requests[0]).toBe("*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n");
  });

  it("rejects with the server's error and does not repeat arguments", async () => {
    const { port } = await serve((_request, socket) => socket.write("-WRONGPASS invalid password\r\n"));
    const failure = await open(port, "hunter2").catch((error: Error) => error);
    expect(failure).toBeInstanceOf(NodeCommandError);
    expect((failure as Error).message).toBe(`127.0.0.1:${port} refused AUTH: WRONGPASS invalid password`);
  });

  it("gives up on a server that does not answer, and stays given up", async () => {
    const { port, requests } = await serve(() => undefined);
    const connection = await open(port);
    await expect(connection.command("PING")).rejects.toThrow("no reply within 50 ms");
    await expect(connection.command("PING")).rejects.toThrow("no reply within 50 ms");
    expect(requests).toHaveLength(1);
  });

  it("fails the running command when the connection closes", async () => {
    const { port } = await serve((_request, socket) => socket.destroy());
    const connection = await open(port);
    await expect(connection.command("PING")).rejects.toThrow(/Failed to talk to 127\.0\.0\.1/);
  });

  it("refuses a reply beyond the size limit", async () => {
    const { port } = await serve((_request, socket) => socket.write("$999999999\r\n"));
    const connection = await open(port);
    await expect(connection.command("INFO")).rejects.toThrow("Invalid length");
  });

  it("reports a port that nobody listens on", async () => {
    const { port } = await serve(() => undefined);
    await new Promise<void>((resolve) => servers[0]?.close(() => resolve()));
    await expect(open(port)).rejects.toThrow(`Failed to connect to 127.0.0.1:${port}`);
  });
});
