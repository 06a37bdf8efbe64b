import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { expect, test, vi } from "vitest";
import { startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

/** A node that has just started serves after at most its timeout. */
const CLUSTER = ["--cluster-enabled", "yes", "--cluster-port", "0", "--cluster-node-timeout", "500"];
const POLL = { timeout: 15_000, interval: 20 };

test("a client that waits for a key is sent away when its slot is not served any more", async () => {
  const server = await startOwnServer(...CLUSTER);
  try {
    const [control, waiting] = await Promise.all([RawClient.connect(server.port), RawClient.connect(server.port)]);
    await control.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await expect.poll(() => control.text("CLUSTER", "INFO"), POLL).toContain("cluster_state:ok");
    waiting.write(encodeCommand(["BLPOP", "k", "0"]));
    await expect.poll(() => control.text("INFO", "clients"), POLL).toContain("blocked_clients:1\r\n");
    const slot = (await control.command("CLUSTER", "KEYSLOT", "k")).toString().slice(1).trim();
    await control.command("CLUSTER", "DELSLOTS", slot);
    expect((await waiting.replies(1)).join("")).toContain("-CLUSTERDOWN Hash slot not served");
    control.close();
    waiting.close();
  } finally {
    await server.stop();
  }
});

const ROLE_CHANGED =
  "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n";

test("who waits for keys or copies is sent away when the server becomes a replica", async () => {
  const server = await startOwnServer();
  try {
    const control = await RawClient.connect(server.port);
    const waiting = [];
    for (const command of [
      ["BLPOP", "k", "0"],
      ["WAIT", "1", "0"],
    ]) {
      const client = await RawClient.connect(server.port);
      await client.command("SET", "written", "before");
      client.write(encodeCommand(command));
      waiting.push(client);
    }
    await expect.poll(() => control.text("INFO", "clients"), POLL).toContain("blocked_clients:2\r\n");
    await control.command("REPLICAOF", "127.0.0.1", "1");
    for (const client of waiting) expect((await client.untilClosed()).toString()).toBe(ROLE_CHANGED);
    control.close();
  } finally {
    await server.stop();
  }
});

test("WAIT knows of no copies of what was written before the server was a replica", async () => {
  const server = await startOwnServer("--repl-diskless-sync-delay", "0");
  const replica = await startOwnServer("--replicaof", `127.0.0.1 ${server.port}`);
  try {
    const [client, control] = await Promise.all([RawClient.connect(server.port), RawClient.connect(server.port)]);
    expect(await control.text("WAIT", "1", "0")).toBe(":1\r\n");
    await client.command("SET", "key", "lost");
    expect(await client.text("WAIT", "1", "0")).toBe(":1\r\n");
    await control.command("REPLICAOF", "127.0.0.1", "1");
    await control.command("REPLICAOF", "NO", "ONE");
    expect(await control.text("WAIT", "1", "0")).toBe(":1\r\n");
    expect(await client.text("WAIT", "1", "0")).toBe(":0\r\n");
    await client.command("SET", "key", "new");
    expect(await client.text("WAIT", "1", "0")).toBe(":1\r\n");
    client.close();
    control.close();
  } finally {
    await Promise.all([server.stop(), replica.stop()]);
  }
});

test("WAIT counts no copies while the append-only file, if there is one, has not got the write", async () => {
  const server = await startOwnServer("--repl-diskless-sync-delay", "0", "--appendonly", "yes");
  const replica = await startOwnServer("--replicaof", `127.0.0.1 ${server.port}`);
  try {
    const client = await RawClient.connect(server.port);
    await client.command("SET", "key", "first");
    expect(await client.text("WAIT", "1", "0")).toBe(":1\r\n");
    const { appendOnly } = server.context;
    const filed = vi.spyOn(appendOnly, "filed", "get").mockReturnValue(appendOnly.filed);
    await client.command("SET", "key", "second");
    expect(await client.text("WAIT", "1", "100")).toBe(":0\r\n");
    filed.mockRestore();
    expect(await client.text("WAIT", "1", "0")).toBe(":1\r\n");
    client.close();
  } finally {
    await Promise.all([server.stop(), replica.stop()]);
  }
});
