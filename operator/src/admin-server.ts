// The operator's HTTP port: /healthz (restart me if not), /readyz (my view of the world is complete), /metrics.

import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type Response } from "express";
import type { Registry } from "prom-client";

export interface Health {
  /** The reason why the process should be restarted, or undefined. */
  unhealthy(): string | undefined;
  /** The reason why it cannot work yet, or undefined. */
  unready(): string | undefined;
}

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

export async function startAdminServer(port: number, health: Health, registry: Registry): Promise<AdminServer> {
  const app = express();
  app.disable("x-powered-by");
  app.get("/healthz", (_request, response) => answer(response, health.unhealthy()));
  app.get("/readyz", (_request, response) => answer(response, health.unready()));
  app.get("/metrics", async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  const server = await new Promise<Server>((resolve, reject) => {
    const starting = app.listen(port, (error?: Error) => (error === undefined ? resolve(starting) : reject(error)));
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(response: Response, problem: string | undefined): void {
  response
    .status(problem === undefined ? 200 : 503)
    .type("text/plain")
    .send(`${problem ?? "ok"}\n`);
}
