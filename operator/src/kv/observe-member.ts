/**
 * Asks one server outside of a cluster what the plan of its group needs to know. What a table of nodes would say is put together
 * from that: its run is its id, and the name it announces to its primary tells whose it is.
 */

import type { NodeObservation } from "../topology/cluster-view.ts";
import { parseFields, parseNodeInfo } from "../topology/node-info.ts";
import { readConfiguration } from "./configuration.ts";
import type { NodeConnection } from "./node-connection.ts";

const ANNOUNCED_NAME = "replica-announce-ip";

export async function observeMember(connection: NodeConnection): Promise<NodeObservation> {
  const announced = (await readConfiguration(connection, [ANNOUNCED_NAME])).get(ANNOUNCED_NAME);
  const reply = await connection.command("INFO");
  const text = Buffer.isBuffer(reply) ? reply.toString("utf8") : String(reply);
  const info = parseNodeInfo(text);
  const id = parseFields(text).get("run_id") ?? "";
  return {
    id,
    info,
    cluster: { isOk: true, currentEpoch: 0 },
    entries: [
      {
        ...{ id, ip: "", port: 0, busPort: 0, hostname: announced === "" ? undefined : announced },
        flags: new Set(["myself", info.role === "primary" ? "master" : "slave"]),
        ...{ primaryId: undefined, configEpoch: 0, isLinkConnected: true, slots: [], openSlots: [] },
      },
    ],
    migrations: undefined,
  };
}
