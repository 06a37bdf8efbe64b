/**
 * One of our servers in this process, on a free port, for tests that speak to it over the wire. It has a directory of its
 * own, which goes with it. What it logs as a warning is shown: a fault must not hide behind an error reply.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseCommandLine } from "../config/command-line.ts";
import { loadConfig } from "../config/load-config.ts";
import { type Logger, silentLogger } from "../observability/logger.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import { createSystemRandom } from "../platform/random.ts";
import type { RunningServer } from "../server.ts";
import { startServer } from "../server.ts";

export type OwnServer = RunningServer;

/**
 * `directives` are words of the command line, in pairs or as the file has them. Nothing is saved unless they say so. A
 * configuration file may come before them.
 */
export function startOwnServer(...directives: readonly string[]): Promise<OwnServer> {
  return startOwnServerWith(systemClock, ...directives);
}

/** The same with a clock of the test's: timers run, and time passes, when it says so. */
export function startOwnServerWith(clock: Clock, ...directives: readonly string[]): Promise<OwnServer> {
  return start({ clock, logger: warningsOnly }, directives);
}

/** The same for a test that brings about what servers warn of, again and again. */
export function startSilentServer(...directives: readonly string[]): Promise<OwnServer> {
  return start({ clock: systemClock, logger: silentLogger }, directives);
}

interface Surroundings {
  readonly clock: Clock;
  readonly logger: Logger;
}

async function start({ clock, logger }: Surroundings, directives: readonly string[]): Promise<OwnServer> {
  const directory = mkdtempSync(path.join(tmpdir(), "kv-test-"));
  const own = ["--port", "0", "--bind", "127.0.0.1", "--admin-port", "0", "--save", "", "--dir", directory];
  const file = directives[0]?.startsWith("-") === false ? directives.slice(0, 1) : [];
  const commandLine = parseCommandLine([...file, ...own, ...directives.slice(file.length)]);
  if (commandLine.kind !== "run") throw new Error("A test server needs no help");
  const { config, configFile, extras } = loadConfig(commandLine, process.cwd(), () => "");
  const server = await startServer({
    config,
    clock,
    random: createSystemRandom(),
    logger,
    configFile: configFile ?? "",
    userLines: extras.userLines,
    renamedCommands: extras.renamedCommands,
    requestShutdown: ({ isAborted }) => (isAborted ? "ERR No shutdown in progress." : undefined),
    fatal: (error) => {
      throw error;
    },
  });
  await server.prepare();
  return {
    ...server,
    stop: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const warningsOnly: Logger = {
  ...silentLogger,
  warning: (message) => void process.stderr.write(`${message}\n`),
};
