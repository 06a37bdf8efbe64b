/**
 * How the process ends: by signal or SHUTDOWN, in one orderly way. Requests are held back, the data is saved where that is
 * configured, then the server stops and the process exits with 0. If saving fails it stays up, unless it was forced. A fault
 * of ours ends it at once, loudly.
 */

import { unlinkSync } from "node:fs";
import type { ShutdownRequest } from "./commands/context.ts";
import type { Config } from "./config/config.ts";
import type { Logger, LogRole } from "./observability/logger.ts";
import type { RunningServer } from "./server.ts";

interface RunningProcess {
  readonly server: RunningServer;
  readonly config: Config;
  readonly logger: Logger;
  readonly pidFile: string;
}

type Signal = "SIGINT" | "SIGTERM";

/** Longer than any final save. */
const HOLD_REQUESTS_MS = 24 * 3600 * 1000;

export class ProcessLifecycle {
  #process: RunningProcess | undefined;
  #logger: Logger | undefined;
  #isGoingDown = false;
  /** Everyone who asked for the shutdown under way. */
  #requests: ShutdownRequest[] = [];
  #isInsisted = false;
  /** Ends the wait for replicas; undefined while there is none: true to go on, false to stay up. */
  #endWait: ((goesOn: boolean) => void) | undefined;

  get role(): LogRole {
    if (this.#process === undefined) return "C";
    return this.#process.server.context.facts.replication().primaryLink === undefined ? "M" : "S";
  }

  start(running: RunningProcess): void {
    this.#process = running;
    process.on("SIGINT", () => this.#onSignal("SIGINT"));
    process.on("SIGTERM", () => this.#onSignal("SIGTERM"));
    process.on("SIGHUP", () => undefined);
  }

  /** A fault in our own code: state may be broken, so nothing is saved over what is on disk. */
  catchFaults(logger: Logger): void {
    this.#logger = logger;
    process.on("uncaughtException", (error) => this.die(error));
    process.on("unhandledRejection", (error) => this.die(error));
    // Whoever read our output may go away before us.
    process.stdout.on("error", () => undefined);
  }

  die(error: unknown): never {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#logger?.warning(`Fatal fault, exiting: ${reason.replaceAll("\n", " | ")}`);
    process.exit(1);
  }

  requestShutdown(request: ShutdownRequest): string | undefined {
    if (request.isAborted) {
      if (this.#endWait === undefined) return "ERR No shutdown in progress.";
      this.#endWait(false);
      return undefined;
    }
    if (request.isNow) this.#endWait?.(true);
    void this.#goDown(request);
    return undefined;
  }

  #onSignal(signal: Signal): void {
    const running = this.#process;
    if (running === undefined) return;
    running.logger.warning(`Received ${signal} scheduling shutdown...`);
    if (this.#isGoingDown && signal === "SIGINT") {
      if (this.#isInsisted) return;
      this.#isInsisted = true;
      running.logger.warning("You insist... exiting now.");
      process.exit(1);
    }
    const words = running.config.get(signal === "SIGINT" ? "shutdown-on-sigint" : "shutdown-on-sigterm");
    const save = words.includes("save") ? true : words.includes("nosave") ? false : undefined;
    const [isForced, isNow] = [words.includes("force"), words.includes("now")];
    void this.#goDown({ save, isForced, isNow, isAborted: false, failed: () => undefined });
  }

  #stayUp({ server }: RunningProcess): void {
    this.#isGoingDown = false;
    for (const { failed } of this.#requests.splice(0)) failed("ERR Errors trying to SHUTDOWN. Check logs.");
    server.context.pause.unpause("shutdown");
  }

  /**
   * Holds writes back until every replica has all of them, up to `shutdown-timeout`: whoever takes over then has lost
   * nothing. False if somebody wants to stay up after all.
   */
  async #waitForReplicas({ server, config, logger }: RunningProcess): Promise<boolean> {
    const timeoutMs = config.get("shutdown-timeout") * 1000;
    if (timeoutMs === 0 || server.laggingReplicas().length === 0) return true;
    logger.notice("Waiting for replicas before shutting down.");
    server.context.pause.pause("shutdown", HOLD_REQUESTS_MS, "write");
    const { clock } = server.context;
    const endMs = clock.nowMs() + timeoutMs;
    const { promise: waited, resolve } = Promise.withResolvers<boolean>();
    this.#endWait = resolve;
    server.context.shutdownWait.untilMs = endMs;
    const cancel = clock.every(LOOK_AT_REPLICAS_MS, () => {
      if (server.laggingReplicas().length === 0 || clock.nowMs() >= endMs) resolve(true);
    });
    const goesOn = await waited;
    cancel();
    this.#endWait = undefined;
    server.context.shutdownWait.untilMs = undefined;
    const lagging = server.laggingReplicas();
    for (const replica of lagging) logger.notice(`Lagging replica ${replica}.`);
    const all = server.context.replication.replicas.sessions.length;
    logger.notice(`${all - lagging.length} of ${all} replicas are in sync when shutting down.`);
    return goesOn;
  }

  async #goDown(request: ShutdownRequest): Promise<void> {
    const running = this.#process;
    if (running === undefined) return;
    this.#requests.push(request);
    if (this.#isGoingDown) return;
    this.#isGoingDown = true;
    const { server, config, logger, pidFile } = running;
    logger.warning("User requested shutdown...");
    if (!request.isNow && !(await this.#waitForReplicas(running))) {
      logger.warning("Shutdown manually aborted.");
      this.#stayUp(running);
      return;
    }
    server.context.pause.pause("shutdown", HOLD_REQUESTS_MS, "all");
    // A snapshot keeps the thread for long: what was acknowledged must not wait for its end. What fails here fails below too,
    // but for a first base, which the snapshot can stand in for.
    await server.context.appendOnly.flush().catch(() => undefined);
    const isSaved = (request.save ?? config.get("save").length > 0) ? await saveData(running) : true;
    // If it stays up, it goes on appending.
    const isFinished = (isSaved || request.isForced) && (await finishAppendOnly(running));
    if (!isFinished && !request.isForced) {
      logger.warning("Errors trying to shut down the server. Check the logs for more information.");
      this.#stayUp(running);
      return;
    }
    await server.stop();
    if (pidFile !== "") removePidFile(pidFile);
    logger.warning(
      `${server.context.facts.server().isCluster ? "Cluster node" : "Server"} is now ready to exit, bye bye...`,
    );
    process.exit(0);
  }
}

/** Replicas report once a second by themselves. */
const LOOK_AT_REPLICAS_MS = 50;

async function saveData({ server, logger }: RunningProcess): Promise<boolean> {
  if (!server.hasData) {
    logger.warning("The data set is not loaded: nothing is saved, the file on disk stays as it is");
    return true;
  }
  logger.notice("Saving the final RDB snapshot before exiting.");
  try {
    await server.save();
    return true;
  } catch (error) {
    logger.warning(`Error trying to save the DB, can't exit: ${(error as Error).message}`);
    return false;
  }
}

async function finishAppendOnly({ server, logger }: RunningProcess): Promise<boolean> {
  try {
    await server.finishAppendOnly();
    return true;
  } catch (error) {
    logger.warning(`Error writing the append-only file, can't exit: ${(error as Error).message}`);
    return false;
  }
}

function removePidFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already: nothing left to remove.
  }
}
