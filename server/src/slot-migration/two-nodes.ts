/** For tests: two primaries in this process, one with all slots and one with none, that know each other. */

import { eventually } from "../persistence/reference-redis.ts";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";

/** Of {t}. */
export const SLOT = 15_891;

export interface Node {
  readonly server: OwnServer;
  readonly client: RawClient;
  readonly id: string;
  stop(): Promise<void>;
}

/** Who loses its last slot stays a primary. */
const CLUSTERED = [
  ...["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-allow-replica-migration", "no"],
];

async function start(directives: readonly string[]): Promise<Node> {
  const server = await startOwnServer(...CLUSTERED, ...directives);
  const client = await RawClient.connect(server.port);
  return {
    ...{ server, client, id: server.context.cluster?.myId ?? "" },
    async stop() {
      client.close();
      await server.stop();
    },
  };
}

/** `directives` of the one without slots. */
export async function twoNodes(...directives: readonly string[]): Promise<{ owner: Node; other: Node }> {
  const [owner, other] = await Promise.all([start([]), start(directives)]);
  await owner.client.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  const busPort = other.server.context.cluster?.state.settings.busPort;
  await owner.client.command("CLUSTER", "MEET", "127.0.0.1", String(other.server.port), String(busPort));
  await eventually("the nodes agree", () =>
    [owner, other].every(({ server }) => {
      const state = server.context.cluster?.state;
      return state?.isOk === true && state.nodes.size === 2 && state.table.ownerOf(0)?.id === owner.id;
    }),
  );
  return { owner, other };
}

/** The latest move that the node knows of. */
export function latestMove({ server }: Node) {
  return server.context.slotMigrations?.migrations.jobs[0];
}

export function keysInSlot({ server }: Node): number {
  return server.context.cluster?.countKeysInSlot(SLOT) ?? -1;
}
