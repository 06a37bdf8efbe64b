/**
 * The process: command line and configuration file in, a running server, signals, an exit code out. Whatever makes a start
 * impossible is said on standard output or in the log, with exit code 1, before anything is touched.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { NodesConfError } from "./cluster/nodes-conf-file.ts";
import { parseCommandLine } from "./config/command-line.ts";
import type { Config } from "./config/config.ts";
import { ConfigFileError, formatConfigError } from "./config/config-file.ts";
import type { LoadedConfig } from "./config/load-config.ts";
import { loadConfig } from "./config/load-config.ts";
import { NowhereToListen } from "./network/client-ports.ts";
import { serverTlsSettings } from "./network/tls-settings.ts";
import type { Logger } from "./observability/logger.ts";
import { createLogger } from "./observability/logger.ts";
import { COMPATIBLE_VERSION, PRODUCT_NAME, PRODUCT_VERSION } from "./observability/product.ts";
import { DataDirectories } from "./persistence/data-directories.ts";
import { DataLock } from "./persistence/data-lock.ts";
import { systemClock } from "./platform/clock.ts";
import { systemDisk } from "./platform/disk.ts";
import { checkLogFile, openLogSink } from "./platform/log-file.ts";
import { processIdentity } from "./platform/process-identity.ts";
import { createSystemRandom } from "./platform/random.ts";
import { describeSystemError } from "./platform/system-error.ts";
import { checkWritable } from "./platform/writable-directory.ts";
import { ProcessLifecycle } from "./process-lifecycle.ts";
import type { RunningServer } from "./server.ts";
import { startServer } from "./server.ts";

const USAGE = `Usage: kv-server [/path/to/redis.conf] [options] [-]
       kv-server - (read the configuration from standard input)
       kv-server -v or --version
       kv-server -h or --help

Options are directives of redis.conf, as --port 7777 or --maxmemory 1gb. They override the file.
--port 0 listens on a free port and logs it. --admin-port 0 turns the admin port off.

Examples:
       kv-server
       kv-server /etc/kv/redis.conf --loglevel verbose
       kv-server --port 7777 --replicaof 127.0.0.1 6379
       echo 'maxmemory 128mb' | kv-server -
`;

const LONG_LOAD_MS = 200;

async function main(words: readonly string[]): Promise<void> {
  const commandLine = parseCommandLine(words);
  if (commandLine.kind === "help") return print(USAGE);
  if (commandLine.kind === "version") {
    return print(`${PRODUCT_NAME} server v=${PRODUCT_VERSION}, compatible with Redis server v=${COMPATIBLE_VERSION}\n`);
  }
  const lifecycle = new ProcessLifecycle();
  try {
    const loaded = loadConfig(commandLine, process.cwd(), () => readFileSync(0, "utf8"));
    checkSurroundings(loaded);
    await run(loaded, lifecycle);
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    print(formatConfigError(error, `${PRODUCT_NAME} ${PRODUCT_VERSION}`));
    process.exitCode = 1;
  }
}

/** What must be so before the server touches anything. */
function checkSurroundings({ config }: LoadedConfig): void {
  const logProblem = checkLogFile(config.get("logfile"), config.get("dir"));
  if (logProblem !== undefined) throw new ConfigFileError(`Can't open the log file: ${logProblem}`);
  if (config.get("tls-port") !== 0) readTls(config);
  const directory = config.get("dir");
  const problem = keepsData(config) ? checkWritable(directory) : undefined;
  if (problem !== undefined) {
    throw new ConfigFileError(
      `The data directory '${directory}' is not writable: ${problem}. Set 'dir' to one that is, or keep nothing on disk with 'save ""' and 'appendonly no'`,
    );
  }
  lockDirectories(config);
}

function keepsData(config: Config): boolean {
  return config.get("save").length > 0 || config.get("appendonly") || config.get("cluster-enabled");
}

function readTls(config: Config): void {
  try {
    serverTlsSettings(config);
  } catch (error) {
    throw new ConfigFileError(`Failed to configure TLS: ${(error as Error).message}`);
  }
}

/** Until the process ends, however it does, no other server keeps data in a directory where it has begun to. */
function lockDirectories(config: Config): void {
  const self = processIdentity(process.pid);
  // Where the system does not tell processes apart, a lock could not be told from a leftover of one.
  if (self === undefined) return;
  const directories = new DataDirectories(
    (directory) =>
      new DataLock({ disk: systemDisk, directory, self, processWithId: processIdentity, pause: waitForOthers }),
  );
  process.once("exit", () => directories.release());
  const claim = (): string | undefined => {
    const directory = config.get("dir");
    return keepsData(config) && checkWritable(directory) === undefined ? directories.claim(directory) : undefined;
  };
  const problem = claim();
  if (problem !== undefined) throw new ConfigFileError(`${problem}. Set 'dir' to one of its own for each server`);
  config.onChange(["dir", "save", "appendonly"], claim);
}

/** Another server that starts at this moment is done with looking for us in a fraction of this time. */
const PAUSE_MS = 20;

function waitForOthers(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}

async function run({ config, configFile, extras }: LoadedConfig, lifecycle: ProcessLifecycle): Promise<void> {
  const logger = createLogger({
    clock: systemClock,
    processId: process.pid,
    role: () => lifecycle.role,
    level: () => config.get("loglevel"),
    write: openLogSink(config.get("logfile"), config.get("dir")),
  });
  lifecycle.catchFaults(logger);
  announce(logger, configFile);
  for (const name of config.ineffective()) logger.warning(`Directive '${name}' is known, but has no effect yet`);
  let server: RunningServer;
  try {
    server = await startServer({
      config,
      clock: systemClock,
      random: createSystemRandom(),
      logger,
      configFile: configFile ?? "",
      userLines: extras.userLines,
      renamedCommands: extras.renamedCommands,
      requestShutdown: (request) => lifecycle.requestShutdown(request),
      fatal: (error) => lifecycle.die(error),
    });
  } catch (error) {
    if (!explainListenError(error, logger)) throw error;
    process.exit(1);
  }
  const pidFile = config.get("pidfile");
  if (pidFile !== "") writePidFile(pidFile, logger);
  lifecycle.start({ server, config, logger, pidFile });
  const mode = config.get("cluster-enabled") ? "cluster" : "standalone";
  logger.notice(`Running mode=${mode}, port=${server.port}.`);
  if (config.get("always-show-logo") || (config.get("logfile") === "" && process.stdout.isTTY)) {
    logger.notice(`kvcluster, ${mode} mode, Port: ${server.port}, PID: ${process.pid}`);
  }
  const prepared = prepareOrExit(server, logger);
  // A load that takes its time must not look like a dead process: then the admin port does not wait for its end.
  await Promise.race([prepared, new Promise<void>((resolve) => systemClock.after(LONG_LOAD_MS, resolve))]);
  await Promise.all([prepared, server.openAdminPort()]);
}

async function prepareOrExit(server: RunningServer, logger: Logger): Promise<void> {
  try {
    await server.prepare();
  } catch (error) {
    const { message } = error as Error;
    logger.warning(error instanceof NodesConfError ? message : `Fatal error loading the DB, aborting: ${message}`);
    process.exit(1);
  }
  logger.notice("Ready to accept connections");
}

/** An address that cannot be bound, or none at all, ends the start like in Redis; anything else is a fault. */
function explainListenError(error: unknown, logger: Logger): boolean {
  if (error instanceof NowhereToListen) {
    logger.warning(error.message);
    return true;
  }
  const { syscall, address, port } = error as { syscall?: string; address?: string; port?: number };
  if (syscall !== "listen") return false;
  const reason = describeSystemError(error);
  if (port === undefined || port < 0) {
    logger.warning(`Failed opening Unix socket: bind: ${reason}`);
    return true;
  }
  logger.warning(`Warning: Could not create server TCP listening socket ${address}:${port}: bind: ${reason}`);
  logger.warning(`Failed listening on port ${port} (TCP), aborting.`);
  return true;
}

function announce(logger: Logger, configFile: string | undefined): void {
  logger.warning(`${PRODUCT_NAME} is starting`);
  logger.warning(
    `${PRODUCT_NAME} version=${PRODUCT_VERSION}, Redis version=${COMPATIBLE_VERSION}, node=${process.versions.node}, pid=${process.pid}, just started`,
  );
  logger.warning(
    configFile === undefined ? "No config file specified, using the default config" : "Configuration loaded",
  );
}

function writePidFile(path: string, logger: Logger): void {
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (error) {
    logger.warning(`Failed to write PID file: ${(error as Error).message}`);
  }
}

function print(text: string): void {
  process.stdout.write(text);
}

await main(process.argv.slice(2));
