// Environment → options → operator → signals. SIGTERM and SIGINT drain and give the lease back; a lost lease or an
// unexpected error ends the process at once, and the next one carries on from what the cluster shows.
import { hostname } from "node:os";
import { httpTransport } from "./kube/http-transport.ts";
import { loadKubeConfig } from "./kube/kube-config.ts";
import { Operator } from "./operator.ts";
import { systemClock } from "./runtime/clock.ts";
import { jsonLogger, type Logger, type LogLevel } from "./runtime/logger.ts";

/** Kubernetes grants 30 s; what is not drained by then is cut, and found again by the next operator. */
const DRAIN_LIMIT_MS = 20_000;
const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

function readLogLevel(value: string | undefined): LogLevel {
  const level = LOG_LEVELS.find((known) => known === (value ?? "info"));
  if (level === undefined) {
    throw new Error(`LOG_LEVEL "${value}": must be one of ${LOG_LEVELS.join(", ")}`);
  }
  return level;
}

function readPort(value: string | undefined): number {
  const port = Number(value ?? 8080);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`HTTP_PORT "${value}": must be a port number`);
  }
  return port;
}

function endOnUnexpected(log: Logger): void {
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      log.error("Ended by an unexpected error", { event, error });
      process.exit(1);
    });
  }
}

async function main(environment: NodeJS.ProcessEnv): Promise<void> {
  const log = jsonLogger({
    level: readLogLevel(environment.LOG_LEVEL),
    clock: systemClock,
    write: (line) => process.stdout.write(line),
  });
  endOnUnexpected(log);
  const { endpoint, namespace } = loadKubeConfig();
  const operator = new Operator(
    {
      identity: `${environment.POD_NAME ?? hostname()}_${process.pid}`,
      namespace: environment.POD_NAMESPACE || namespace || "default",
      watchNamespace: environment.WATCH_NAMESPACE || undefined,
      serverImage: environment.SERVER_IMAGE || "kvcluster/server:latest",
      clusterDomain: environment.CLUSTER_DOMAIN || "cluster.local",
      httpPort: readPort(environment.HTTP_PORT),
    },
    {
      transport: httpTransport(endpoint, systemClock),
      clock: systemClock,
      random: Math.random,
      log,
      onLeadershipLost: () => process.exit(1),
    },
  );
  const end = (signal: NodeJS.Signals) => {
    log.info("Stopping", { signal });
    systemClock.after(DRAIN_LIMIT_MS, () => {
      log.error("Ended before all work was drained", { limitMs: DRAIN_LIMIT_MS });
      process.exit(1);
    });
    void operator.stop().then(() => process.exit(0));
  };
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
  await operator.start();
}

await main(process.env);
