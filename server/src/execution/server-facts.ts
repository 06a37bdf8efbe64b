/** What the running server tells about itself, gathered from its parts: the source of INFO, /metrics and /status. */

import { join } from "node:path";
import { getHeapStatistics } from "node:v8";
import type { AccessControl } from "../access-control/access-control.ts";
import { ClientFlag, type ClientRegistry } from "../commands/client.ts";
import type { CommandTable } from "../commands/command-table.ts";
import type { ShutdownWait } from "../commands/context.ts";
import type { Config } from "../config/config.ts";
import { OUTPUT_BUFFER_CLASSES } from "../config/output-buffer-limits.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { ErrorStatistics, RateMeter } from "../observability/counters.ts";
import type {
  ClientFacts,
  ClusterFacts,
  CompactionFacts,
  DatabaseFacts,
  FactSources,
  FunctionFacts,
  MemoryFacts,
  PersistenceFacts,
  ScriptFacts,
  ServerFacts,
  SettingFacts,
  StatisticsFacts,
} from "../observability/facts.ts";
import type { LatencyMonitor } from "../observability/latency-monitor.ts";
import type { SlowLog } from "../observability/slow-log.ts";
import type { Persistence } from "../persistence/persistence.ts";
import type { Clock } from "../platform/clock.ts";
import { DiskSpace } from "../platform/disk-space.ts";
import type { PublishSubscribe } from "../pubsub/publish-subscribe.ts";
import type { Replication } from "../replication/replication.ts";
import type { ClientTracking } from "../tracking/client-tracking.ts";
import { commandFacts, latencyFacts, latencySpikeFacts, slowLogFacts } from "./command-facts.ts";
import type { MemoryUpkeep } from "./memory-upkeep.ts";

/** What connections of clients have carried. */
interface Traffic {
  inputBytes: number;
  outputBytes: number;
  reads: number;
  writes: number;
}

/** Numbers that grow with use and belong to no other part. */
export interface UsageCounters {
  readonly traffic: Readonly<Traffic>;
  readonly commandRate: RateMeter;
  readonly inputRate: RateMeter;
  readonly outputRate: RateMeter;
  readonly replicationInputRate: RateMeter;
  readonly replicationOutputRate: RateMeter;
  readonly errors: ErrorStatistics;
  peakBytes: number;
  readonly startupBytes: number;
}

export interface MeteredUsage extends UsageCounters {
  readonly traffic: Traffic;
  /** Commands run before CONFIG RESETSTAT. */
  commandsAtReset: number;
}

/** `startupBytes`: what the arena holds before any data. */
export function createUsage(clock: Clock, startupBytes: number): MeteredUsage {
  const nowMs = clock.nowMs();
  return {
    traffic: { inputBytes: 0, outputBytes: 0, reads: 0, writes: 0 },
    commandsAtReset: 0,
    commandRate: new RateMeter(nowMs),
    inputRate: new RateMeter(nowMs),
    outputRate: new RateMeter(nowMs),
    replicationInputRate: new RateMeter(nowMs),
    replicationOutputRate: new RateMeter(nowMs),
    errors: new ErrorStatistics(),
    peakBytes: 0,
    startupBytes,
  };
}

export interface FactParts {
  readonly accessControl: AccessControl;
  readonly config: Config;
  readonly clock: Clock;
  readonly keyspace: Keyspace;
  readonly table: CommandTable;
  readonly clients: ClientRegistry;
  readonly usage: UsageCounters;
  readonly slowLog: SlowLog;
  readonly latencyMonitor: LatencyMonitor;
  readonly commandsProcessed: () => number;
  readonly pubsub: PublishSubscribe;
  readonly identity: Pick<ServerFacts, "runId" | "port" | "startedAtMs" | "configFile">;
  readonly persistence: Persistence;
  readonly replication: Replication;
  readonly blockedClients: () => { readonly count: number; readonly withTimeout: number };
  /** Whether the load at start is over. */
  readonly isLoaded: () => boolean;
  readonly shutdownWait: () => ShutdownWait;
  readonly cluster: () => ClusterFacts | undefined;
  readonly systemBytes: number;
  readonly upkeep: () => MemoryUpkeep;
  readonly tracking: ClientTracking;
  readonly programs: () => {
    readonly scripting: { facts(): ScriptFacts };
    readonly functions: { facts(): FunctionFacts };
  };
}

export function createFactSources(parts: FactParts): FactSources {
  const { clock, config } = parts;
  const space = new DiskSpace(clock, () => {
    const directory = config.get("dir");
    return { directory, file: join(directory, config.get("dbfilename")) };
  });
  return {
    server: () => serverFacts(parts),
    clients: () => clientFacts(parts),
    memory: () => memoryFacts(parts),
    compaction: () => compactionFacts(parts),
    persistence: () => persistenceFacts(parts, space),
    statistics: () => statisticsFacts(parts),
    replication: () => parts.replication.facts(),
    processor: () => {
      const [all, own] = [process.cpuUsage(), process.threadCpuUsage()];
      return {
        ...{ userSeconds: all.user / 1e6, systemSeconds: all.system / 1e6 },
        ...{ ownUserSeconds: own.user / 1e6, ownSystemSeconds: own.system / 1e6 },
      };
    },
    cluster: parts.cluster,
    keyspace: () => databaseFacts(parts.keyspace),
    commands: () => commandFacts(parts.table),
    latencies: () => latencyFacts(parts.table, config),
    latencySpikes: () => latencySpikeFacts(parts.latencyMonitor),
    slowLog: () => slowLogFacts(parts.slowLog),
    settings: () => settingFacts(config),
    errors: () => parts.usage.errors.entries(),
  };
}

/** The LRU clock of records: seconds in 24 bits. */
const LRU_CLOCK_MASK = 0xffffff;

function serverFacts({ config, clock, identity, shutdownWait }: FactParts): ServerFacts {
  const { untilMs } = shutdownWait();
  return {
    ...identity,
    port: identity.port === 0 ? config.get("tls-port") : identity.port,
    isCluster: config.get("cluster-enabled"),
    processId: process.pid,
    nowUs: clock.nowUs(),
    hz: config.get("hz"),
    lruClock: Math.floor(clock.nowMs() / 1000) & LRU_CLOCK_MASK,
    executable: process.argv[1] ?? process.execPath,
    shutdownInMs: untilMs === undefined ? undefined : Math.max(0, untilMs - clock.nowMs()),
  };
}

function clientFacts({ clients, config, blockedClients, tracking, keyspace, cluster }: FactParts): ClientFacts {
  const blocked = blockedClients();
  let largestInputBytes = 0;
  let largestOutputBytes = 0;
  let subscribed = 0;
  let replicas = 0;
  for (const client of clients.all()) {
    const { connection } = client;
    if (client.has(ClientFlag.subscribed)) subscribed++;
    if (client.has(ClientFlag.replica)) replicas++;
    largestInputBytes = Math.max(largestInputBytes, connection.queryBytes);
    largestOutputBytes = Math.max(largestOutputBytes, connection.outputBytes);
  }
  return {
    connected: clients.count - replicas,
    // One each way with each of the others, as Redis counts.
    clusterConnections: 2 * ((cluster()?.knownNodes ?? 1) - 1),
    maxClients: config.get("maxclients"),
    blocked: blocked.count,
    waitingWithTimeout: blocked.withTimeout,
    tracking: tracking.facts(),
    largestInputBytes,
    largestOutputBytes,
    subscribed,
    watching: keyspace.watches.clientCount,
    watchedKeys: keyspace.watches.keyCount,
    awaitedKeys: keyspace.waited.count,
    awaitedLosses: keyspace.waited.countOfLosses(),
  };
}

function memoryFacts(parts: FactParts): MemoryFacts {
  const { keyspace, usage, config } = parts;
  const { arena } = keyspace;
  const buffers = measureBuffers(parts);
  const usedBytes = arena.usedBytes + buffers.countedBytes + buffers.replicaBytes;
  usage.peakBytes = Math.max(usage.peakBytes, usedBytes);
  const indexes = indexFacts(keyspace);
  return {
    usedBytes,
    scripts: parts.programs().scripting.facts(),
    functions: parts.programs().functions.facts(),
    peakBytes: usage.peakBytes,
    startupBytes: usage.startupBytes,
    overheadBytes: usedBytes - arena.usedBytes + indexes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    storedBytes: arena.usedBytes,
    arenaBytes: arena.residentBytes,
    mappedBytes: arena.mappedBytes,
    residentBytes: process.memoryUsage.rss(),
    heapBytes: getHeapStatistics().used_heap_size,
    systemBytes: parts.systemBytes,
    limitBytes: config.get("maxmemory"),
    policy: config.text("maxmemory-policy"),
    backlogBytes: buffers.backlogBytes,
    replicaBufferBytes: buffers.replicaBytes,
    clientBufferBytes: buffers.clientBytes,
    clusterLinkBytes: 0,
    aofBufferBytes: parts.persistence.facts().appendOnly.pendingBytes,
    waitingFrees: keyspace.waitingFrees,
    finishedFrees: keyspace.finishedFrees,
    compaction: compactionFacts(parts),
    indexes,
  };
}

function indexFacts(keyspace: Keyspace): MemoryFacts["indexes"] {
  return Array.from({ length: keyspace.databaseCount }, (_, index) => index)
    .filter((index) => keyspace.database(index).count > 0)
    .map((database) => ({ database, sizeBytes: keyspace.indexBytesOf(database) }));
}

function compactionFacts({ keyspace, upkeep }: FactParts): CompactionFacts {
  const { hits, misses, keyHits, keyMisses } = keyspace.compaction;
  const { effort, totalMs, currentMs } = upkeep();
  return { effortPercent: effort, hits, misses, keyHits, keyMisses, totalMs, currentMs };
}

interface BufferBytes {
  readonly clientBytes: number;
  readonly replicaBytes: number;
  readonly backlogBytes: number;
  /** Those that count against `maxmemory`. Buffers of replicas do not: evicting keys would only make them longer. */
  readonly countedBytes: number;
}

function measureBuffers({ clients, replication }: Pick<FactParts, "clients" | "replication">): BufferBytes {
  let clientBytes = 0;
  let replicaBytes = 0;
  for (const client of clients.all()) {
    const bytes = client.connection.queryBytes + client.connection.outputBytes;
    if (client.has(ClientFlag.replica)) replicaBytes += bytes;
    else clientBytes += bytes;
  }
  const { backlog, waitingBytes } = replication.facts();
  const backlogBytes = backlog.isActive ? backlog.sizeBytes : 0;
  replicaBytes += waitingBytes;
  return { clientBytes, replicaBytes, backlogBytes, countedBytes: clientBytes + backlogBytes };
}

/** Brings what is too dear to measure for every command up to date: to be called some times a second. */
export function sampleUsage(
  parts: Pick<FactParts, "clients" | "replication" | "keyspace" | "clock">,
  usage: UsageCounters,
): void {
  const { replication, clock } = parts;
  const { eviction, arena } = parts.keyspace;
  const buffers = measureBuffers(parts);
  eviction.otherBytes = buffers.countedBytes;
  usage.peakBytes = Math.max(usage.peakBytes, arena.usedBytes + buffers.countedBytes + buffers.replicaBytes);
  const nowMs = clock.nowMs();
  usage.inputRate.sample(usage.traffic.inputBytes + replication.inputBytes, nowMs);
  usage.outputRate.sample(usage.traffic.outputBytes, nowMs);
  usage.replicationInputRate.sample(replication.inputBytes, nowMs);
  usage.replicationOutputRate.sample(replication.replicas.outputBytes, nowMs);
}

/** The load at start counts from the first moment, before its file is even open. */
function persistenceFacts({ persistence, isLoaded, identity }: FactParts, space: DiskSpace): PersistenceFacts {
  const facts = { ...persistence.facts(), space: space.known };
  if (isLoaded() || facts.loading !== undefined) return facts;
  return { ...facts, loading: { startedAtMs: identity.startedAtMs, totalBytes: 0, loadedBytes: 0, isServing: false } };
}

function statisticsFacts(parts: FactParts): StatisticsFacts {
  const { clients, usage, keyspace, pubsub, replication } = parts;
  return {
    connectionsAccepted: clients.accepted,
    connectionsRejected: clients.rejected,
    commands: parts.commandsProcessed(),
    commandsPerSecond: usage.commandRate.perSecond,
    inputBytes: usage.traffic.inputBytes + replication.inputBytes,
    outputBytes: usage.traffic.outputBytes,
    inputBytesPerSecond: usage.inputRate.perSecond,
    outputBytesPerSecond: usage.outputRate.perSecond,
    replicationInputBytes: replication.inputBytes,
    replicationOutputBytes: replication.replicas.outputBytes,
    fullSyncs: replication.replicas.fullSyncs,
    partialSyncs: replication.replicas.partialSyncs,
    failedPartialSyncs: replication.replicas.refusedPartialSyncs,
    replicationInputBytesPerSecond: usage.replicationInputRate.perSecond,
    replicationOutputBytesPerSecond: usage.replicationOutputRate.perSecond,
    expiry: keyspace.expiry.statistics,
    overLimit: keyspace.eviction.overLimitTimes(),
    expiredKeys: keyspace.expiredKeys,
    expiredFields: keyspace.expiredFields,
    evictedKeys: keyspace.evictedKeys,
    evictedClients: clients.evicted,
    hits: keyspace.hits,
    misses: keyspace.misses,
    channels: pubsub.count("channels"),
    patterns: pubsub.count("patterns"),
    shardChannels: pubsub.count("shardChannels"),
    errorReplies: usage.errors.total,
    reads: usage.traffic.reads,
    writes: usage.traffic.writes,
    denials: parts.accessControl.denials,
  };
}

function databaseFacts(keyspace: Keyspace): DatabaseFacts[] {
  const facts: DatabaseFacts[] = [];
  for (let index = 0; index < keyspace.databaseCount; index++) {
    const db = keyspace.database(index);
    const keys = db.ownCount;
    if (keys === 0) continue;
    facts.push({
      index,
      keys,
      expires: db.expiry.count,
      averageTtlMs: db.expiry.averageTtlMs,
      expiringHashes: db.fieldExpiries.count,
    });
  }
  return facts;
}

function settingFacts(config: Config): SettingFacts {
  const limits = config.get("client-output-buffer-limit");
  return {
    // With cluster mode there is one, whatever the directive says.
    databases: config.get("cluster-enabled") ? 1 : config.get("databases"),
    ioThreads: config.get("io-threads"),
    outputBufferLimits: OUTPUT_BUFFER_CLASSES.map(([limit, clientClass]) => ({ clientClass, ...limits[limit] })),
  };
}
