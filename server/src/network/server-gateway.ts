/** Makes the gateway of a server from its parts: settings from the live configuration, and what a client leaves behind. */

import type { Client } from "../commands/client.ts";
import { beginAsDefault } from "../commands/client-users.ts";
import type { ServerContext } from "../commands/context.ts";
import { ClientEviction } from "../execution/client-eviction.ts";
import { outputLimitOf } from "../execution/server-settings.ts";
import { ClientGateway } from "./client-gateway.ts";
import type { ConnectionLimits, DurabilityGate, RequestHandler, Traffic } from "./connection.ts";
import { limitMaxClients } from "./descriptor-limit.ts";
import type { SocketBatch } from "./socket-batch.ts";

export interface ServerGatewayParts {
  readonly context: ServerContext;
  readonly handler: RequestHandler;
  readonly traffic: Traffic;
  readonly batch: SocketBatch | undefined;
  readonly durable: DurabilityGate;
  /** The client has gone; what the keyspace and pub/sub knew of it is forgotten already. */
  readonly left: (client: Client) => void;
}

export function createServerGateway({
  context,
  handler,
  traffic,
  batch,
  durable,
  left,
}: ServerGatewayParts): ClientGateway {
  const { config, clock, logger, clients, accessControl } = context;
  const eviction = new ClientEviction({
    ...{ config, clients, logger, watches: () => context.keyspace.watches },
    schedule: (callback) => void setImmediate(callback),
  });
  limitMaxClients(config);
  const limits: ConnectionLimits = {
    get queryBytes() {
      return config.get("client-query-buffer-limit");
    },
    output: (client) => outputLimitOf(config, client),
    tooMuchOutput: (client, bytes) =>
      logger.warning(`Client ${client.address} closed for overcoming of output buffer limits: ${bytes} bytes waiting`),
    grew: (bytes) => eviction.grew(bytes),
  };
  return new ClientGateway({
    ...{ clients, handler, limits, traffic, batch, durable },
    settings: () => ({
      maxClients: config.get("maxclients"),
      isProtected: config.get("protected-mode") && accessControl.defaultUser.needsNoPassword,
    }),
    nowMs: () => clock.nowMs(),
    turnEnded: () => context.tracking.turnEnded(),
    evict: () => eviction.check(),
    joined: (client) => {
      beginAsDefault(client, context);
      context.pause.admit(client);
    },
    left: (client) => {
      context.keyspace.watches.unwatchAll(client);
      context.pubsub.forget(client);
      context.monitors.remove(client);
      context.replication.replicas.forget(client);
      left(client);
    },
  });
}
