/**
 * The composition root: the only file that makes the parts and connects them to real adapters. Everything it makes belongs
 * to one server; two servers in one process share nothing.
 */

import { totalmem } from "node:os";
import { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import { ALL_COMMANDS } from "./commands/all-commands.ts";
import { Client, type ClientConnection, ClientRegistry } from "./commands/client.ts";
import { ClientPause } from "./commands/client-pause.ts";
import { CommandTable } from "./commands/command-table.ts";
import type { ServerContext, ShutdownRequest } from "./commands/context.ts";
import { closeIdleClients } from "./commands/idle-clients.ts";
import type { Config } from "./config/config.ts";
import { writeConfigFile } from "./config/config-writer.ts";
import { createCommandObserver } from "./execution/command-observer.ts";
import { Dispatcher } from "./execution/dispatcher.ts";
import { encodingLimitsOf } from "./execution/encoding-settings.ts";
import type { ServerState } from "./execution/guards.ts";
import { Monitors } from "./execution/monitors.ts";
import { Propagator } from "./execution/propagation.ts";
import { createFactSources, type UsageCounters } from "./execution/server-facts.ts";
import {
  followBulkLimit,
  followEvictionSettings,
  outputLimitOf,
  requiresPassword,
} from "./execution/server-settings.ts";
import { createCollectionValues } from "./keyspace/collection-values.ts";
import { Keyspace } from "./keyspace/keyspace.ts";
import { AdminServer } from "./network/admin-server.ts";
import { ClientGateway } from "./network/client-gateway.ts";
import type { ConnectionLimits } from "./network/connection.ts";
import { type AcceptedSocket, Listener } from "./network/listener.ts";
import { RequestParser } from "./network/request-parser.ts";
import { ErrorStatistics, RateMeter } from "./observability/counters.ts";
import type { FactSources, PersistenceFacts, ReplicationFacts } from "./observability/facts.ts";
import type { Logger } from "./observability/logger.ts";
import { createMetricsReader } from "./observability/metrics.ts";
import { SlowLog } from "./observability/slow-log.ts";
import type { Clock } from "./platform/clock.ts";
import type { Random } from "./platform/random.ts";
import { describeSystemError } from "./platform/system-error.ts";
import { PublishSubscribe } from "./pubsub/publish-subscribe.ts";
import { Collections } from "./values/collections.ts";

export interface ServerOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Absolute path of the configuration file, "" if there is none. */
  readonly configFile: string;
  /** SHUTDOWN: the process decides how it ends. */
  readonly requestShutdown: (request: ShutdownRequest) => string | undefined;
}

export interface RunningServer {
  readonly port: number;
  /** Opens the admin port, once clients are served: loading express must not delay them. Gives the port, 0 if it is off. */
  openAdminPort(): Promise<number>;
  readonly context: ServerContext;
  /** The final snapshot; rejects with the reason if it cannot be written. */
  save(): Promise<void>;
  stop(): Promise<void>;
}

/** Timer work runs this often, as Redis' default `hz` of 10. */
const CRON_INTERVAL_MS = 100;
/** The share of a cron interval that expiry may take: 25 %, as in Redis. */
const EXPIRY_BUDGET_MS = 25;
const RECLAIM_BUDGET_MS = 1;

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const core = createCore(options);
  const listeners = await listen(options, core);
  let admin: AdminServer | undefined;
  const stopCron = options.clock.every(CRON_INTERVAL_MS, () => runCron(core));
  return {
    port: core.identity.port,
    async openAdminPort() {
      const started = await startAdmin(options, core);
      admin = started?.server;
      return started?.port ?? 0;
    },
    context: core.context,
    save: () => Promise.resolve(),
    async stop() {
      stopCron();
      for (const listener of listeners) listener.stop();
      for (const client of core.context.clients.all()) client.connection.destroy();
      await admin?.stop();
    },
  };
}

interface Identity {
  runId: string;
  port: number;
  startedAtMs: number;
  configFile: string;
}

interface Core {
  readonly context: ServerContext;
  readonly dispatcher: Dispatcher;
  readonly facts: FactSources;
  readonly gateway: ClientGateway;
  readonly identity: Identity;
  readonly usage: MeteredUsage;
}

interface MeteredUsage extends UsageCounters {
  readonly traffic: { inputBytes: number; outputBytes: number };
}

function createCore(options: ServerOptions): Core {
  const { config, clock, random, logger } = options;
  const { keyspace, collections } = createKeyspace(options);
  const clients = new ClientRegistry();
  const table = new CommandTable(ALL_COMMANDS);
  const identity = { runId: random.hex(40), port: 0, startedAtMs: clock.nowMs(), configFile: options.configFile };
  const usage = createUsage(clock);
  const pubsub = new PublishSubscribe();
  const monitors = new Monitors();
  const slowLog = new SlowLog(() => config.get("slowlog-max-len"));
  const propagator = new Propagator([]);
  const facts = createFactSources({
    ...{ config, clock, keyspace, table, clients, usage, identity, pubsub },
    commandsProcessed: () => dispatcher.processed,
    persistence: () => IDLE_PERSISTENCE,
    replication: () => IDLE_REPLICATION,
    cluster: () => undefined,
    replicationTraffic: () => ({
      replicationInputBytes: 0,
      replicationOutputBytes: 0,
      fullSyncs: 0,
      partialSyncs: 0,
      failedPartialSyncs: 0,
    }),
    systemBytes: totalmem(),
  });
  const context: ServerContext = {
    ...{ keyspace, table, clients, config, clock, random, collections, pubsub, monitors, slowLog, facts },
    relay: undefined,
    executor: {
      objection: (call, id) => dispatcher.objection(call, id),
      runQueued: (call, id) => dispatcher.runNested(call, id),
      beginTransaction: () => propagator.beginTransaction(),
      endTransaction: (databaseIndex) => propagator.endTransaction(databaseIndex),
    },
    isClusterEnabled: config.get("cluster-enabled"),
    get maxBulkBytes() {
      return parser.maxBulkBytes;
    },
    flushed: () => undefined,
    pause: new ClientPause(clock, () => clients.all()),
    logger,
    debugSwitches: { isActiveExpiryOn: true },
    unblock: () => false,
    shutdown: options.requestShutdown,
    resetStatistics: () => resetStatistics(table, keyspace, usage, clock),
    rewriteConfig: () => rewriteConfigFile(options),
  };
  const parser = new RequestParser();
  const reply = new ReplyWriter();
  const observer = createCommandObserver({ config, clock, logger, slowLog, monitors, errors: usage.errors });
  const bootClient = new Client({ id: 0, address: "", localAddress: "", connection: NO_CONNECTION, createdAtMs: 0 });
  const state = createServerState(config, keyspace);
  const dispatcher = new Dispatcher({
    ...{ table, keyspace, clock, state, propagator, observer, parser, reply, context, bootClient },
    cluster: undefined,
  });
  followEvictionSettings(config, keyspace);
  followBulkLimit(config, parser);
  const gateway = createGateway(options, { dispatcher, context, usage, monitors });
  return { context, dispatcher, facts, gateway, identity, usage };
}

function createKeyspace({ config, random, clock }: ServerOptions): { keyspace: Keyspace; collections: Collections } {
  const made: { collections?: Collections } = {};
  const isClusterEnabled = config.get("cluster-enabled");
  const databaseCount = isClusterEnabled ? 1 : config.get("databases");
  const keyspace = new Keyspace({ databaseCount, random, clock, isClusterEnabled }, (arena) => {
    made.collections = new Collections(arena, encodingLimitsOf(config), random);
    return createCollectionValues(made.collections);
  });
  if (made.collections === undefined) throw new Error("The keyspace did not make its collections");
  return { keyspace, collections: made.collections };
}

function createUsage(clock: Clock): MeteredUsage {
  const nowMs = clock.nowMs();
  return {
    traffic: { inputBytes: 0, outputBytes: 0 },
    commandRate: new RateMeter(nowMs),
    inputRate: new RateMeter(nowMs),
    outputRate: new RateMeter(nowMs),
    errors: new ErrorStatistics(),
    peakBytes: 0,
    startupBytes: 0,
  };
}

function createServerState(config: Config, keyspace: Keyspace): ServerState {
  return {
    loading: false,
    readOnlyReplica: false,
    stale: false,
    persistenceFailed: false,
    tooFewReplicas: false,
    get memoryLimited() {
      return config.get("maxmemory") > 0;
    },
    makeRoom: () => keyspace.eviction.freeMemoryIfNeeded() !== "failed",
  };
}

interface GatewayParts {
  readonly dispatcher: Dispatcher;
  readonly context: ServerContext;
  readonly usage: MeteredUsage;
  readonly monitors: Monitors;
}

function createGateway({ config, clock, logger }: ServerOptions, parts: GatewayParts): ClientGateway {
  const { dispatcher, context, usage, monitors } = parts;
  const limits: ConnectionLimits = {
    get queryBytes() {
      return config.get("client-query-buffer-limit");
    },
    output: (client) => outputLimitOf(config, client),
    tooMuchOutput: (client, bytes) =>
      logger.warning(`Client ${client.address} closed for overcoming of output buffer limits: ${bytes} bytes waiting`),
  };
  return new ClientGateway({
    clients: context.clients,
    handler: dispatcher,
    limits,
    traffic: usage.traffic,
    settings: () => ({
      maxClients: config.get("maxclients"),
      isProtected: config.get("protected-mode") && !requiresPassword(config) && !config.isGiven("bind"),
      requiresPassword: requiresPassword(config),
    }),
    nowMs: () => clock.nowMs(),
    left: (client) => {
      context.keyspace.watches.unwatchAll(client);
      context.pubsub.forget(client);
      monitors.remove(client);
    },
  });
}

async function listen({ config, logger }: ServerOptions, { gateway, identity }: Core): Promise<Listener[]> {
  const common = {
    backlog: config.get("tcp-backlog"),
    keepAliveSeconds: config.get("tcp-keepalive"),
    accept: (accepted: AcceptedSocket) => gateway.accept(accepted),
  };
  const listeners: Listener[] = [];
  identity.port = config.get("port");
  for (const address of config.get("bind")) {
    const listener = new Listener({ ...common, host: hostOf(address), port: identity.port });
    try {
      identity.port = await listener.start();
      listeners.push(listener);
    } catch (error) {
      if (!address.startsWith("-")) throw error;
      logger.verbose(`Skipped address "${address}": ${(error as Error).message}`);
    }
  }
  const path = config.get("unixsocket");
  if (path !== "") {
    const listener = new Listener({ ...common, host: undefined, port: 0, path });
    await listener.start();
    listeners.push(listener);
  }
  config.assign("port", identity.port);
  return listeners;
}

/** A leading minus in `bind` marks an address that may be missing; `*` is every address of IPv4. */
function hostOf(address: string): string {
  const name = address.startsWith("-") ? address.slice(1) : address;
  return name === "*" ? "0.0.0.0" : name === "::*" ? "::" : name;
}

async function startAdmin({ config, logger }: ServerOptions, { facts }: Core) {
  const port = config.get("admin-port");
  if (port === 0) return undefined;
  const host = hostOf(config.get("admin-bind")[0] ?? "*");
  const server = new AdminServer({ port, host, facts, readMetrics: createMetricsReader(facts) });
  try {
    const bound = await server.start();
    logger.notice(`Admin port ${bound} is open`);
    return { server, port: bound };
  } catch (error) {
    // Several servers on one machine share the default: only an admin port that was asked for must be there.
    if (config.isGiven("admin-port")) throw error;
    logger.warning(`Admin port ${port} is not open: ${describeSystemError(error)}`);
    return undefined;
  }
}

function runCron({ context, dispatcher, usage }: Core): void {
  const { keyspace, clock } = context;
  const nowMs = clock.nowMs();
  keyspace.setNow(nowMs);
  if (context.debugSwitches.isActiveExpiryOn) keyspace.expiry.run(EXPIRY_BUDGET_MS);
  keyspace.reclaim(RECLAIM_BUDGET_MS);
  closeIdleClients(context.clients.all(), context.config.get("timeout"), nowMs);
  usage.commandRate.sample(dispatcher.processed, nowMs);
  usage.inputRate.sample(usage.traffic.inputBytes, nowMs);
  usage.outputRate.sample(usage.traffic.outputBytes, nowMs);
}

function rewriteConfigFile({ config, configFile, logger }: ServerOptions): string | undefined {
  if (configFile === "") return "ERR The server is running without a config file";
  try {
    writeConfigFile(configFile, config);
    return undefined;
  } catch (error) {
    logger.warning(`CONFIG REWRITE failed: ${describeSystemError(error)}`);
    return `ERR Rewriting config file: ${describeSystemError(error)}`;
  }
}

function resetStatistics(table: CommandTable, keyspace: Keyspace, usage: MeteredUsage, clock: Clock): void {
  table.resetStatistics();
  keyspace.resetStatistics();
  usage.errors.reset();
  usage.commandRate.reset(clock.nowMs());
}

/** The client in the Call before the first request. */
const NO_CONNECTION: ClientConnection = {
  send: () => undefined,
  closeAfterFlush: () => undefined,
  destroy: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  queryBytes: 0,
  outputBytes: 0,
  fileDescriptor: -1,
};

const IDLE_PERSISTENCE: PersistenceFacts = {
  loading: undefined,
  changesSinceSave: 0,
  isSaving: false,
  savedKeys: 0,
  keysToSave: 0,
  lastSaveAtMs: 0,
  isLastSaveOk: true,
  lastSaveSeconds: -1,
  currentSaveSeconds: -1,
  saves: 0,
  lastLoadExpiredKeys: 0,
  lastLoadKeys: 0,
  appendOnly: {
    isEnabled: false,
    isRewriting: false,
    isRewriteScheduled: false,
    lastRewriteSeconds: -1,
    currentRewriteSeconds: -1,
    isLastRewriteOk: true,
    isLastWriteOk: true,
    rewrites: 0,
    failedRewritesInARow: 0,
    currentBytes: 0,
    baseBytes: 0,
    pendingBytes: 0,
    delayedFsyncs: 0,
  },
};

const IDLE_REPLICATION: ReplicationFacts = {
  primaryLink: undefined,
  replicas: [],
  goodReplicas: undefined,
  id: "",
  previousId: "",
  offset: 0,
  previousOffset: -1,
  backlog: { isActive: false, sizeBytes: 0, firstOffset: 0, length: 0 },
};
