/**
 * The composition root: the only file that makes the parts and connects them to real adapters. Everything it makes belongs
 * to one server; two servers in one process share nothing.
 *
 * A server listens first and answers LOADING; `prepare` then loads the data, joins its cluster and follows its primary.
 */

import { totalmem } from "node:os";
import { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import type { AccessEvent } from "./access-control/access-log.ts";
import { createServerCluster, nodesPreparation, type ServerCluster } from "./cluster/server-cluster.ts";
import { type Client, ClientRegistry } from "./commands/client.ts";
import { ClientPause } from "./commands/client-pause.ts";
import type { CommandExecutor, ServerContext, ShutdownRequest } from "./commands/context.ts";
import { closeIdleClients } from "./commands/idle-clients.ts";
import { NO_CONNECTION, nobody } from "./commands/nobody.ts";
import { StreamArguments } from "./commands/stream-arguments.ts";
import type { Config } from "./config/config.ts";
import { rewriteConfigFile } from "./config/config-writer.ts";
import { createCommandObserver } from "./execution/command-observer.ts";
import { dataLoadParts, reloadAppendOnly } from "./execution/data-load.ts";
import { Dispatcher } from "./execution/dispatcher.ts";
import { followOomScore } from "./execution/follow-oom-score.ts";
import type { ServerState } from "./execution/guards.ts";
import { createKeyspaceListener, type KeyModified } from "./execution/keyspace-listener.ts";
import { MemoryUpkeep } from "./execution/memory-upkeep.ts";
import { Monitors } from "./execution/monitors.ts";
import { Propagator } from "./execution/propagation.ts";
import { resetStatistics } from "./execution/reset-statistics.ts";
import { changeRole } from "./execution/role-change.ts";
import { createFactSources, createUsage, type MeteredUsage, sampleUsage } from "./execution/server-facts.ts";
import { createServerKeyspace } from "./execution/server-keyspace.ts";
import { createServerScripting, type ServerScripting } from "./execution/server-scripting.ts";
import { compactionSettingsOf, followSettings } from "./execution/server-settings.ts";
import { createServerState, isPaused } from "./execution/server-state.ts";
import { createServerTable } from "./execution/server-table.ts";
import { createServerTracking } from "./execution/server-tracking.ts";
import { createServerUsers, type ServerUsers, userLinesOf } from "./execution/server-users.ts";
import { createSlotMoves, followedMoves, type MovesContext, type SlotMoves } from "./execution/slot-moves.ts";
import { createStreamApplier } from "./execution/stream-applier.ts";
import { TrackedReads } from "./execution/tracked-reads.ts";
import { createWaitingClients, redirectWaiting, type WaitingClients } from "./execution/waiting-clients.ts";
import { warmUp } from "./execution/warm-up.ts";
import { EventClass } from "./keyspace/event-classes.ts";
import type { Keyspace } from "./keyspace/keyspace.ts";
import { busTransport } from "./network/bus-transport.ts";
import type { ClientGateway } from "./network/client-gateway.ts";
import { ClientPorts } from "./network/client-ports.ts";
import { linkConnector } from "./network/link-connector.ts";
import { MigrationClients } from "./network/migrations.ts";
import { RequestParser } from "./network/request-parser.ts";
import { createServerGateway } from "./network/server-gateway.ts";
import { openAdmin, openSocketBatch } from "./network/server-listeners.ts";
import type { CertificateRefusal } from "./network/tls-listener.ts";
import type { FactSources } from "./observability/facts.ts";
import { LatencyMonitor } from "./observability/latency-monitor.ts";
import type { Logger } from "./observability/logger.ts";
import { SlowLog } from "./observability/slow-log.ts";
import type { AppendOnly } from "./persistence/aof/append-only.ts";
import { createServerAppendOnly, loadData } from "./persistence/aof/server-append-only.ts";
import { Persistence, type PersistenceOptions } from "./persistence/persistence.ts";
import { ValuePayloads } from "./persistence/value-payload.ts";
import { WorkerFileTarget } from "./persistence/worker-file-target.ts";
import type { Clock } from "./platform/clock.ts";
import { systemDisk } from "./platform/disk.ts";
import { MemoryRelease } from "./platform/memory-release.ts";
import { processIdentity } from "./platform/process-identity.ts";
import type { Random } from "./platform/random.ts";
import { PublishSubscribe } from "./pubsub/publish-subscribe.ts";
import { positionInFile, type Replication } from "./replication/replication.ts";
import { createServerReplication } from "./replication/server-replication.ts";
import type { ServerSlotMigrations } from "./slot-migration/server-slot-migrations.ts";
import type { ClientTracking } from "./tracking/client-tracking.ts";
import type { Collections } from "./values/collections.ts";

export interface ServerOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Absolute path of the configuration file, "" if there is none. */
  readonly configFile: string;
  /** The configuration's `rename-command` lines: new names by old ones, "" for none. */
  readonly renamedCommands?: ReadonlyMap<string, string>;
  /** The words of the configuration's `user` lines. */
  readonly userLines?: readonly (readonly string[])[];
  /** SHUTDOWN: the process decides how it ends. */
  readonly requestShutdown: (request: ShutdownRequest) => string | undefined;
  /** The cluster's state cannot be kept on disk: the process has to end. */
  readonly fatal: (error: Error) => void;
}

export interface RunningServer {
  readonly port: number;
  readonly context: ServerContext;
  /** Loads the data, opens the cluster bus, follows the primary. Until it resolves, clients are told LOADING. */
  prepare(): Promise<void>;
  /** Opens the admin port, once clients are served: loading express must not delay them. Gives the port, 0 if it is off. */
  openAdminPort(): Promise<number>;
  /** False while data is being loaded: then the file on disk is worth more than what is in memory. */
  readonly hasData: boolean;
  /** The final snapshot; rejects with the reason if it cannot be written. */
  save(): Promise<void>;
  /** Replicas that have not acknowledged everything yet, each in words; none on a replica. */
  laggingReplicas(): string[];
  /** Everything in the append-only file is on the disk; rejects with the reason if it cannot be. */
  finishAppendOnly(): Promise<void>;
  stop(): Promise<void>;
}

/** Timer work runs this often, as Redis' default `hz` of 10. */
const CRON_INTERVAL_MS = 100;

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, logger, clock } = options;
  const core = createCore(options);
  const { context, gateway, facts, identity } = core;
  warmUp(facts);
  const ports = new ClientPorts({
    ...{ config, logger, clock, gateway },
    certificateRefused: (refusal) => context.accessControl.log.add(refusedEntry(refusal), clock.nowMs()),
  });
  await ports.open();
  const { port } = ports;
  identity.port = port;
  config.assign("port", port);
  context.listening.ports = {
    get isOutdated() {
      return ports.isOutdated;
    },
    async change() {
      const refusal = await ports.change();
      identity.port = ports.port;
      core.cluster?.moved(ports.port);
      return refusal;
    },
  };
  let admin: { stop(): Promise<void>; readonly port: number } | undefined;
  const stopCron = clock.every(CRON_INTERVAL_MS, () => runCron(core));
  return {
    port,
    context,
    prepare: () => prepare(core, options),
    async openAdminPort() {
      admin = await openAdmin({ config, logger, clock }, facts);
      return admin?.port ?? 0;
    },
    get hasData() {
      return core.readiness.isLoaded && !context.persistence.isDataIncomplete;
    },
    async save() {
      context.scriptsUnderWay.abandon();
      const problem = context.persistence.saveNow();
      if (problem !== undefined) throw new Error(problem);
    },
    laggingReplicas: () => (context.replication.isReplica ? [] : context.replication.replicas.lagging()),
    finishAppendOnly: () => {
      context.scriptsUnderWay.abandon();
      return context.appendOnly.finish();
    },
    async stop() {
      stopCron();
      core.upkeep.stop();
      core.memoryRelease.stop();
      ports.stop();
      await Promise.all([context.replication.stop(), core.cluster?.cluster.stop()]);
      context.persistence.abort();
      for (const client of context.clients.all()) client.connection.destroy();
      gateway.batch?.close();
      await admin?.stop();
    },
  };
}

function refusedEntry({ address, localAddress, commonName, reason }: CertificateRefusal): AccessEvent {
  const clientInfo = `addr=${address} laddr=${localAddress}`;
  return { reason: "tls-cert", context: "toplevel", object: reason, userName: commonName, clientInfo };
}

async function prepare(core: Core, { config }: ServerOptions): Promise<void> {
  const { context, dispatcher, cluster, identity, readiness } = core;
  await cluster?.cluster.load();
  const aux = await loadData(dataLoadParts({ context, dispatcher }, NO_CONNECTION));
  const position = aux === undefined ? undefined : positionInFile(aux);
  if (position !== undefined) context.replication.restore(position);
  // At no moment does it look like a primary.
  if (context.replication.lease.isOn) context.replication.hold();
  readiness.isLoaded = true;
  await cluster?.start(identity.port);
  const primary = config.get("replicaof");
  if (primary !== undefined && cluster === undefined && !context.replication.isHeld) {
    context.replication.follow(primary.host, primary.port);
  }
  context.replication.start();
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
  readonly state: ServerState;
  readonly facts: FactSources;
  readonly gateway: ClientGateway;
  readonly identity: Identity;
  readonly usage: MeteredUsage;
  readonly cluster: ServerCluster | undefined;
  readonly readiness: { isLoaded: boolean };
  readonly upkeep: MemoryUpkeep;
  readonly waiting: WaitingClients;
  readonly memoryRelease: MemoryRelease;
}

/** As they are at the start. */
const DEBUG_SWITCHES = { isActiveExpiryOn: true, isUpkeepPaused: false, skipsChecksums: false, allowsInScripts: false };

function createCore(options: ServerOptions): Core {
  const { config, clock, random, logger } = options;
  const [memoryRelease, clients, pubsub] = [new MemoryRelease(), new ClientRegistry(), new PublishSubscribe()];
  const { keyspace, collections } = createServerKeyspace(options, memoryRelease);
  const [table, monitors] = [createServerTable(options.renamedCommands), new Monitors(clock)];
  const identity = { runId: random.hex(40), port: 0, startedAtMs: clock.nowMs(), configFile: options.configFile };
  const [usage, timeLogs] = [createUsage(clock, keyspace.arena.usedBytes), createTimeLogs(config, clock)];
  const users = createServerUsers({ config, userLines: options.userLines ?? [] }, table, systemDisk);
  const tracking = createServerTracking({ config, keyspace, clients, current: () => dispatcher.current });
  const [pause, readiness] = [new ClientPause(clock, () => clients.all()), { isLoaded: false }];
  const appending = { persistence: () => persistence, isInTransaction: () => propagator.isInTransaction };
  const appendOnly = createServerAppendOnly({ config, clock, logger, ...appending });
  const persistence = createPersistence(options, {
    ...{ keyspace, collections, appendOnly, pause, tracking, replication: () => replication, programs: () => programs },
    serveReady: () => waiting.forKeys.serveReady(),
  });
  const connect = linkConnector(config, () => config.get("tls-replication"));
  const applier = createStreamApplier({ dispatcher: () => dispatcher, keyspace, connection: NO_CONNECTION, logger });
  const adjustOomScore = followOomScore({ config, logger, keyspace });
  const replication = createServerReplication({
    ...{ config, clock, random, logger, keyspace, persistence, createFileTarget, appendOnly, applier, pause },
    ...{ connect, port: () => identity.port, ...followedMoves(() => context.slotMigrations) },
    roleChanged: (isReplica) => changeRole(isReplica, { ...context, programs, waiting, adjustOomScore }),
  });
  const runFor: Dispatcher["runFor"] = (client, command) => dispatcher.runFor(client, command);
  const waiting = createWaitingClients({ keyspace, clock, pause, runFor, table, errors: usage.errors });
  const moves = createSlotMoves({ connect, table, createParser, later: () => ({ context, dispatcher, state }) });
  const propagator = new Propagator(replication.feed, appendOnly.stream, moves.feed);
  const { payloads, migrations } = createMigrations(options, { keyspace, collections, pause, propagator });
  const parts = { config, clock, random, logger, keyspace, persistence, appendOnly, replication, pause };
  const { cluster, slotMigrations } = createCluster(options, { ...parts, pubsub, propagator, moves });
  const facts = createFactSources({
    ...{ config, clock, keyspace, table, clients, usage, identity, pubsub, persistence, replication, tracking },
    ...{ ...timeLogs, accessControl: users.accessControl, systemBytes: totalmem(), upkeep: () => upkeep },
    commandsProcessed: () => dispatcher.processed - usage.commandsAtReset,
    blockedClients: () => waiting.counts(migrations.count + pause.heldClients),
    ...{ isLoaded: () => readiness.isLoaded, programs: () => programs, shutdownWait: () => context.shutdownWait },
    cluster: () => cluster?.cluster.facts(),
  });
  const programs = createServerScripting({
    ...{ config, clock, logger, random, table, keyspace, pause, connection: NO_CONNECTION, errors: usage.errors },
    later: () => ({ state, reply, dispatcher, serveReady: () => waiting.forKeys.serveReady() }),
  });
  const context: ServerContext = {
    ...{ ...parts, table, clients, collections, pubsub, monitors, facts, tracking, slotMigrations },
    ...{ ...timeLogs, cluster: cluster?.cluster, relay: cluster?.cluster },
    ...{ waiters: waiting.forReplicas, blocking: waiting.forKeys, unblock: waiting.unblock },
    ...{ payloads, migrations, streamArguments: new StreamArguments(), isClusterEnabled: cluster !== undefined },
    ...{ ...users, ...programs, executor: createExecutor(() => dispatcher, propagator, appendOnly) },
    get maxBulkBytes() {
      return parser.maxBulkBytes;
    },
    flushed: () => tellFlushed(context),
    ...{ debugSwitches: { ...DEBUG_SWITCHES }, shutdownWait: { untilMs: undefined }, listening: {} },
    ...{ shutdown: options.requestShutdown, purgeMemory: () => upkeep.purge() },
    reloadAppendOnly: () => reloadAppendOnly({ context, dispatcher }, NO_CONNECTION),
    resetStatistics: () => resetStatistics(context, usage, dispatcher.processed),
    ...{ rewriteConfig: configRewriting(options, users), prepareNodes: nodesPreparation(options) },
  };
  const [parser, reply] = [createParser(), new ReplyWriter()];
  const state = createServerState(context, readiness);
  const upkeep = createUpkeep(context, state);
  const dispatcher = new Dispatcher({
    ...{ table, keyspace, clock, state, propagator, parser, reply, context, bootClient: nobody() },
    ...{ observer: createCommandObserver(context, { monitors, errors: usage.errors }), cluster: cluster?.cluster },
    trackedReads: new TrackedReads(table, tracking),
    serveReady: () => waiting.forKeys.serveReady(),
    snapshotHolds: (record) => context.persistence.holds(record),
  });
  listenToKeyspace(context, propagator);
  followAcknowledgements(context, waiting);
  followSettings({ config, keyspace, parser, table, upkeep });
  const batch = openSocketBatch(config, options.logger);
  const gateway = createServerGateway({
    ...{ context, handler: dispatcher, traffic: usage.traffic, batch, durable: appendOnly.replies },
    left: (client) => forget(context, [waiting, migrations, tracking], client),
  });
  const core = { context, dispatcher, state, facts, gateway, identity, usage, cluster, readiness, upkeep };
  return { ...core, memoryRelease, waiting };
}

/** Each has one of its own. */
const createParser = (): RequestParser => new RequestParser();

function listenToKeyspace(context: ServerContext, propagator: Propagator): void {
  const { config, keyspace, pubsub, replication, tracking } = context;
  keyspace.isPaused = () => isPaused(context);
  keyspace.events.publish = (channel, message) => pubsub.publish(channel, message);
  const modified: KeyModified = (buffer, offset, length) => tracking.changed(buffer, offset, length);
  keyspace.listener = createKeyspaceListener({
    ...{ propagator, modified, isReplica: () => replication.isReplica },
    isLazy: (event) => config.get(event === "expired" ? "lazyfree-lazy-expire" : "lazyfree-lazy-eviction"),
  });
}

/** Who waits for replicas or the disk (WAIT, WAITAOF, a move of slots) has something to look at when these have got further. */
function followAcknowledgements(context: ServerContext, waiting: WaitingClients): void {
  const progressed = (): void => {
    waiting.forReplicas.check();
    context.slotMigrations?.migrations.progressed();
  };
  context.replication.replicas.acknowledged = progressed;
  context.appendOnly.replies.released = progressed;
}

function forget(
  { slotMigrations }: ServerContext,
  holders: readonly { forget(client: Client): void }[],
  client: Client,
): void {
  for (const holder of holders) holder.forget(client);
  slotMigrations?.migrations.forget(client.connection);
}

function createTimeLogs(config: Config, clock: Clock): Pick<ServerContext, "slowLog" | "latencyMonitor"> {
  const thresholdMs = (): number => config.get("latency-monitor-threshold");
  return {
    slowLog: new SlowLog(() => config.get("slowlog-max-len")),
    latencyMonitor: new LatencyMonitor(thresholdMs, () => clock.nowMs()),
  };
}

function createExecutor(dispatcher: () => Dispatcher, propagator: Propagator, appendOnly: AppendOnly): CommandExecutor {
  return {
    slotOf: (call, id) => dispatcher().slotOf(call, id),
    mayObject: (id) => dispatcher().mayObject(id),
    objection: (call, id) => dispatcher().objection(call, id),
    runQueued: (call, id) => dispatcher().runNested(call, id),
    beginTransaction: () => propagator.beginTransaction(),
    endTransaction(client) {
      if (!propagator.endTransaction()) return;
      client.writeOffset = propagator.offset;
      client.appendOffset = appendOnly.position;
    },
    propagateTo(targets) {
      propagator.targets = targets;
    },
  };
}

interface PersistenceNeeds {
  readonly keyspace: Keyspace;
  readonly collections: Collections;
  readonly appendOnly: AppendOnly;
  readonly replication: () => Replication;
  readonly programs: () => ServerScripting;
  readonly tracking: ClientTracking;
  readonly pause: ClientPause;
  readonly serveReady: () => void;
}

const createFileTarget: PersistenceOptions["createFileTarget"] = (file, outcome) =>
  new WorkerFileTarget({ file, ...outcome });

function createPersistence({ config, clock, logger }: ServerOptions, needs: PersistenceNeeds): Persistence {
  const { keyspace, collections, appendOnly, replication, programs, tracking, pause, serveReady } = needs;
  return new Persistence({
    ...{ appendOnly: () => appendOnly, caughtUp: () => pause.release(), emptied: () => tracking.flushed() },
    replaced: () => {
      tracking.flushed();
      serveReady();
    },
    ...{ libraries: () => programs().libraries, isHeldUp: () => programs().scriptsUnderWay.busyError !== undefined },
    ...{ keyspace, collections, config, clock, logger, disk: systemDisk, processId: process.pid },
    isProcessAlive: (processId) => processIdentity(processId) !== undefined,
    replicationPosition: () => replication().position,
    createFileTarget,
  });
}

interface ClusterParts extends MovesContext {
  readonly pubsub: PublishSubscribe;
  readonly propagator: Propagator;
  readonly moves: SlotMoves;
}

interface ClusterAndMoves {
  readonly cluster: ServerCluster | undefined;
  readonly slotMigrations: ServerSlotMigrations | undefined;
}

interface MigrationNeeds {
  readonly keyspace: Keyspace;
  readonly collections: Collections;
  readonly pause: ClientPause;
  readonly propagator: Propagator;
}

function createMigrations({ config, clock }: ServerOptions, needs: MigrationNeeds) {
  const { keyspace, collections, pause, propagator } = needs;
  const payloads = new ValuePayloads({ keyspace, collections, compress: () => config.get("rdbcompression") });
  const migrations = new MigrationClients({
    ...{ keyspace, payloads, clock, isClusterEnabled: config.get("cluster-enabled") },
    // As in Redis, by the way of the bus: those who move keys are the nodes of a cluster.
    connect: linkConnector(config, () => config.get("tls-cluster")),
    deleteKey: (database, key) => {
      if (!database.delete(key, 0, key.length)) return;
      database.signalModified(key, 0, key.length);
      database.changes.notify(EventClass.generic, "del", key, 0, key.length);
      if (propagator.active) propagator.sendCommand(database.index, ["DEL", key]);
    },
    goesOn: (client) => pause.resume(client),
  });
  return { payloads, migrations };
}

function createCluster(options: ServerOptions, parts: ClusterParts): ClusterAndMoves {
  const { config, clock, random, logger, fatal } = options;
  const { keyspace, pubsub, replication, propagator, pause, moves } = parts;
  if (!config.get("cluster-enabled")) return { cluster: undefined, slotMigrations: undefined };
  const cluster = createServerCluster({
    ...{ config, clock, random, logger, keyspace, pubsub, fatal, busTransport: busTransport(config, logger) },
    replication: {
      replicateFrom: (host, port) => replication.follow(host, port),
      promote: () => replication.promote(),
      replicationOffset: () => replication.offset,
      primaryLinkUp: () => replication.link?.isUp ?? false,
      dataAgeMs: () => replication.dataAgeMs,
      hasWholeCopy: () => replication.hasWholeCopy,
    },
    deleteKey: (key) => {
      keyspace.database(0).delete(key, 0, key.length);
      keyspace.database(0).signalModified(key, 0, key.length);
      if (propagator.active) propagator.sendCommand(0, ["DEL", key]);
    },
    ownersChanged: () => slotMigrations.migrations.ownersChanged(),
    pauseWrites: (untilMs) => pause.pause("failover", untilMs - clock.nowMs(), "write"),
    resumeWrites: () => pause.unpause("failover"),
  });
  const slotMigrations = moves.create(parts, cluster);
  return { cluster, slotMigrations };
}

function createUpkeep(context: ServerContext, state: ServerState): MemoryUpkeep {
  const { keyspace, clock, config, debugSwitches, latencyMonitor } = context;
  return new MemoryUpkeep({
    ...{ keyspace, clock },
    settings: () => compactionSettingsOf(config),
    expiryEffort: () => config.get("active-expire-effort"),
    mayExpire: () => debugSwitches.isActiveExpiryOn && !debugSwitches.isUpkeepPaused && state.busyError === undefined,
    mayEvict: () => state.memoryLimited && state.busyError === undefined && !isPaused(context),
    mayMove: () => !state.loading && !state.loadingBeside,
    spent: (event, microseconds) => latencyMonitor.add(event, microseconds),
  });
}

function runCron({ context, dispatcher, gateway, upkeep, usage, waiting, cluster }: Core): void {
  const { keyspace, clock, config, clients, persistence, tracking } = context;
  const nowMs = clock.nowMs();
  keyspace.setNow(nowMs);
  sampleUsage(context, usage);
  context.replication.failover.tick();
  upkeep.tick();
  tracking.limitKeys();
  persistence.tick();
  context.appendOnly.tick();
  context.slotMigrations?.tick();
  redirectWaiting(waiting, cluster?.cluster);
  closeIdleClients(clients.all(), config.get("timeout"), nowMs);
  gateway.tick();
  usage.commandRate.sample(dispatcher.processed, nowMs);
}

function configRewriting(options: ServerOptions, users: ServerUsers): ServerContext["rewriteConfig"] {
  return (isComplete) => rewriteConfigFile(options, { userLines: userLinesOf(users), isComplete });
}

function tellFlushed({ tracking, persistence, slotMigrations }: ServerContext): void {
  tracking.flushed();
  persistence.flushed();
  slotMigrations?.migrations.flushed();
}
