/** One of our servers in this process, on a free port, for tests that speak to it over the wire. */

import { parseCommandLine } from "../config/command-line.ts";
import { loadConfig } from "../config/load-config.ts";
import { silentLogger } from "../observability/logger.ts";
import { systemClock } from "../platform/clock.ts";
import { createSystemRandom } from "../platform/random.ts";
import type { RunningServer } from "../server.ts";
import { startServer } from "../server.ts";

export type OwnServer = RunningServer;

/** `directives` are words of the command line. Nothing is kept on disk unless they say so. */
export async function startOwnServer(...directives: readonly string[]): Promise<OwnServer> {
  const words = ["--port", "0", "--bind", "127.0.0.1", "--admin-port", "0", "--save", "", ...directives];
  const commandLine = parseCommandLine(words);
  if (commandLine.kind !== "run") throw new Error("A test server needs no help");
  const { config, configFile } = loadConfig(commandLine, process.cwd(), () => "");
  return startServer({
    config,
    clock: systemClock,
    random: createSystemRandom(),
    logger: silentLogger,
    configFile: configFile ?? "",
    requestShutdown: ({ isAborted }) => (isAborted ? "ERR No shutdown in progress." : undefined),
  });
}
