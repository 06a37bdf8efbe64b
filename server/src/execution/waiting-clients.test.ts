import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { expect, test } from "vitest";
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
