/** One of our servers in this process as a node of a cluster, with a client of it. */

import { type OwnServer, startOwnServer } from "./own-server.ts";
import { RawClient } from "./raw-client.ts";

export interface OwnNode {
  readonly server: OwnServer;
  readonly client: RawClient;
  /** Makes it known to this node. */
  meet(other: OwnNode): Promise<void>;
}

export async function startOwnNode(...directives: readonly string[]): Promise<OwnNode> {
  const server = await startOwnServer("--cluster-enabled", "yes", "--enable-debug-command", "yes", ...directives);
  const client = await RawClient.connect(server.port);
  return {
    server,
    client,
    async meet({ server: { port }, client: ofOther }) {
      const [, busPort = ""] = /@(\d+)/.exec(await ofOther.text("CLUSTER", "NODES")) ?? [];
      await client.command("CLUSTER", "MEET", "127.0.0.1", String(port), busPort);
    },
  };
}
