/**
 * The admin port over HTTP, or HTTPS with `admin-tls`: /healthz (the event loop turns; loading counts as alive), /readyz (a client sent here is
 * served, else 503 with the reasons), /metrics (Prometheus), /status (JSON). Reads only, and holds no user data.
 *
 * Express is loaded when the server starts listening here, after the RESP port: it must not delay the first reply.
 */

import type { Server } from "node:http";
import type { Server as SecureServer } from "node:https";
import type { SecureContextOptions } from "node:tls";
import type { FactSources } from "../observability/facts.ts";
import type { MetricsReader } from "../observability/metrics.ts";
import { readiness, statusOf } from "../observability/status.ts";

export interface AdminServerOptions {
  /** 0 listens on a free port. */
  readonly port: number;
  /** Undefined listens on all addresses. */
  readonly host: string | undefined;
  /** Undefined: without TLS. */
  readonly secrets?: SecureContextOptions;
  readonly facts: FactSources;
  readonly readMetrics: MetricsReader;
}

const REQUEST_TIMEOUT_MS = 5000;
const CONNECTIONS_MAX = 64;

export class AdminServer {
  readonly #options: AdminServerOptions;
  #server: Server | SecureServer | undefined;

  constructor(options: AdminServerOptions) {
    this.#options = options;
  }

  /** Resolves with the port in use; rejects if the address cannot be bound. */
  async start(): Promise<number> {
    const server = await createServer(this.#options);
    server.maxConnections = CONNECTIONS_MAX;
    this.#server = server;
    const { port, host } = this.#options;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  /** New connections get these from now on. Throws if they are none. */
  update(secrets: SecureContextOptions): void {
    if (this.#server !== undefined && "setSecureContext" in this.#server) this.#server.setSecureContext(secrets);
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined || !server.listening) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }
}

async function createServer(options: AdminServerOptions): Promise<Server | SecureServer> {
  const application = await createApplication(options);
  const limits = { requestTimeout: REQUEST_TIMEOUT_MS };
  if (options.secrets === undefined) return (await import("node:http")).createServer(limits, application);
  return (await import("node:https")).createServer({ ...limits, ...options.secrets }, application);
}

async function createApplication({ facts, readMetrics }: AdminServerOptions) {
  const { default: express } = await import("express");
  const application = express();
  application.disable("x-powered-by");
  application.disable("etag");
  application.get("/healthz", (_request, response) => {
    response.type("text/plain").send("ok\n");
  });
  application.get("/readyz", (_request, response) => {
    const { isReady, reasons } = readiness(facts);
    response.status(isReady ? 200 : 503).json({ ready: isReady, reasons });
  });
  application.get("/status", (_request, response) => {
    response.json(statusOf(facts));
  });
  application.get("/metrics", async (_request, response) => {
    const { contentType, text } = await readMetrics();
    response.setHeader("content-type", contentType);
    response.end(text);
  });
  return application;
}
