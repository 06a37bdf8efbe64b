/** Makes what runs scripts and functions from the server's parts: the place that knows who waits for them. */

import type { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import type { Client, ClientConnection } from "../commands/client.ts";
import type { CommandTable } from "../commands/command-table.ts";
import type { Config } from "../config/config.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { ErrorStatistics } from "../observability/counters.ts";
import type { Logger } from "../observability/logger.ts";
import type { LibraryStore } from "../persistence/data-loading.ts";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { FunctionRunner } from "./function-runner.ts";
import type { ServerState } from "./guards.ts";
import { ScriptRunner } from "./script-runner.ts";
import { ScriptRuns } from "./script-runs.ts";

export interface ServerScriptingParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  readonly table: CommandTable;
  readonly keyspace: Keyspace;
  readonly pause: { resume(client: Client): void };
  /** Of the client that the commands of scripts run for. */
  readonly connection: ClientConnection;
  readonly errors: ErrorStatistics;
  /** Parts that are made later than this. */
  readonly later: () => {
    readonly state: ServerState;
    readonly reply: ReplyWriter;
    readonly dispatcher: Dispatcher;
    readonly serveReady: () => void;
  };
}

export interface ServerScripting {
  readonly scripting: ScriptRunner;
  readonly functions: FunctionRunner;
  readonly scriptsUnderWay: ScriptRuns;
  /** The functions, for files and replicas. */
  readonly libraries: LibraryStore;
}

export function createServerScripting(parts: ServerScriptingParts): ServerScripting {
  const { config, clock, logger, random, table, keyspace, pause, connection, errors, later } = parts;
  const failed = (error: string): void => errors.record(error);
  const scriptsUnderWay = new ScriptRuns({
    ...{ logger, clock, failed, table, isClusterEnabled: config.get("cluster-enabled") },
    longestMs: () => config.get("busy-reply-threshold"),
    state: () => later().state,
    schedule: (callback) => void setImmediate(callback),
    workFor: (client, work) => later().dispatcher.workFor(client, work),
    ended: (client) => {
      pause.resume(client);
      if (keyspace.waited.hasReady) later().serveReady();
    },
  });
  const engine = { table, logger, random, connection, failed, reply: () => later().reply };
  const functions = new FunctionRunner(engine, scriptsUnderWay);
  const libraries = {
    sources: () => Array.from(functions.all(), ({ source }) => source),
    take: (source: Buffer, isReplacing: boolean) => void functions.load(source, { isReplacing, mustLoad: true }),
    replaceAll: (sources: readonly Buffer[]) => functions.replaceAll(sources),
    flush: () => functions.flush(),
  };
  return { scriptsUnderWay, functions, libraries, scripting: new ScriptRunner(engine, scriptsUnderWay) };
}
