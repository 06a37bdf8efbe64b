import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startOwnServer } from "../testing/own-server.ts";
import { removeDeadSocket } from "./unix-socket.ts";

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "kv-socket-"));
  file = path.join(directory, "kv.sock");
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** As a server that was killed leaves it. */
function leaveDeadSocket(): void {
  const script = `require("net").createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", script]);
  expect(statSync(file).isSocket()).toBe(true);
}

test("a server listens on a unix socket that a killed one left behind, with the permissions asked for", async () => {
  leaveDeadSocket();
  const server = await startOwnServer("--unixsocket", file, "--unixsocketperm", "770");
  expect((statSync(file).mode & 0o777).toString(8)).toBe("770");
  const client = net.connect(file);
  client.write("PING\r\n");
  const reply = await new Promise<Buffer>((resolve) => client.once("data", resolve));
  expect(reply.toString()).toBe("+PONG\r\n");
  client.destroy();
  await server.stop();
  expect(existsSync(file)).toBe(false);
});

test("a unix socket that somebody serves stays, and so does a file of another kind", async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(file, resolve));
  await removeDeadSocket(file);
  expect(existsSync(file)).toBe(true);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  writeFileSync(file, "data");
  await removeDeadSocket(file);
  expect(existsSync(file)).toBe(true);
});

test("a server refuses to start where another serves the unix socket", async () => {
  const first = await startOwnServer("--unixsocket", file);
  await expect(startOwnServer("--unixsocket", file)).rejects.toThrow("EADDRINUSE");
  await first.stop();
});
