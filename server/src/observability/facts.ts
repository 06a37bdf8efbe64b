/**
 * What the parts of the server tell about themselves, as plain values: the one source of INFO, /metrics and /status.
 * Each part implements its function; the composition root puts them together. Names here are ours, the words of INFO
 * appear only where INFO is rendered.
 */

export interface ServerFacts {
  readonly isCluster: boolean;
  readonly processId: number;
  readonly runId: string;
  readonly port: number;
  readonly nowUs: number;
  readonly startedAtMs: number;
  readonly hz: number;
  readonly lruClock: number;
  /** Until a shutdown stops waiting for replicas; undefined if none does. */
  readonly shutdownInMs: number | undefined;
  readonly executable: string;
  readonly configFile: string;
}

export interface TrackingFacts {
  readonly clients: number;
  readonly keys: number;
  /** Pairs of key and client. */
  readonly items: number;
  readonly prefixes: number;
}

export interface ClientFacts {
  readonly connected: number;
  readonly clusterConnections: number;
  readonly maxClients: number;
  readonly blocked: number;
  /** Of those that wait for a key or for replicas: who will not wait for ever. */
  readonly waitingWithTimeout: number;
  readonly tracking: TrackingFacts;
  readonly largestInputBytes: number;
  readonly largestOutputBytes: number;
  readonly subscribed: number;
  readonly watching: number;
  readonly watchedKeys: number;
  /** Keys that clients wait for, and those of them whose loss they are told of too. */
  readonly awaitedKeys: number;
  readonly awaitedLosses: number;
}

export interface MemoryFacts {
  readonly usedBytes: number;
  readonly peakBytes: number;
  readonly startupBytes: number;
  /** Part of `usedBytes` that is not keys and values: indexes, buffers, bookkeeping. */
  readonly overheadBytes: number;
  /** Live blocks of the arena, the pages they lie in, and all pages that were taken from the system. */
  readonly storedBytes: number;
  readonly arenaBytes: number;
  readonly mappedBytes: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly systemBytes: number;
  readonly limitBytes: number;
  readonly policy: string;
  readonly backlogBytes: number;
  readonly replicaBufferBytes: number;
  readonly clientBufferBytes: number;
  readonly clusterLinkBytes: number;
  readonly aofBufferBytes: number;
  /** Flushed records and large values that are freed in steps: to come, and done. */
  readonly waitingFrees: number;
  readonly finishedFrees: number;
  readonly compaction: CompactionFacts;
  readonly scripts: ScriptFacts;
  readonly functions: FunctionFacts;
  /** Of the databases that are not empty. */
  readonly indexes: readonly { readonly database: number; readonly sizeBytes: number }[];
}

export interface ScriptFacts {
  /** What the interpreter has taken; 0 before the first script. */
  readonly machineBytes: number;
  readonly cachedScripts: number;
  readonly sourceBytes: number;
}

export interface FunctionFacts {
  /** What the interpreter has taken; 0 before the first library. */
  readonly machineBytes: number;
  readonly libraries: number;
  readonly functions: number;
  readonly sourceBytes: number;
}

export interface CompactionFacts {
  /** Of the processor; 0 while there is none. */
  readonly effortPercent: number;
  readonly hits: number;
  readonly misses: number;
  readonly keyHits: number;
  readonly keyMisses: number;
  readonly totalMs: number;
  readonly currentMs: number;
}

export interface LoadingFacts {
  readonly startedAtMs: number;
  readonly totalBytes: number;
  readonly loadedBytes: number;
  /** The data that this is to replace is served meanwhile. */
  readonly isServing: boolean;
}

export interface AppendOnlyFacts {
  readonly isEnabled: boolean;
  readonly isRewriting: boolean;
  readonly isRewriteScheduled: boolean;
  readonly lastRewriteSeconds: number;
  readonly currentRewriteSeconds: number;
  readonly isLastRewriteOk: boolean;
  readonly isLastWriteOk: boolean;
  readonly rewrites: number;
  readonly failedRewritesInARow: number;
  readonly currentBytes: number;
  readonly baseBytes: number;
  readonly pendingBytes: number;
  readonly delayedFsyncs: number;
}

export interface PersistenceFacts {
  readonly loading: LoadingFacts | undefined;
  readonly changesSinceSave: number;
  readonly isSaving: boolean;
  readonly savedKeys: number;
  readonly keysToSave: number;
  readonly snapshots: SnapshotFacts;
  readonly lastSaveAtMs: number;
  readonly isLastSaveOk: boolean;
  /** −1: there was none; the same for the next. */
  readonly lastSaveSeconds: number;
  readonly currentSaveSeconds: number;
  readonly saves: number;
  readonly lastLoadExpiredKeys: number;
  readonly lastLoadKeys: number;
  readonly appendOnly: AppendOnlyFacts;
  /** Of the data directory; undefined while it is not known. */
  readonly space: SpaceFacts | undefined;
}

/** Of all snapshots: files, replicas' full syncs, moves of slots. They are written in slices between commands. */
export interface SnapshotFacts {
  readonly slices: number;
  readonly sliceSeconds: number;
  /** Of the snapshot under way, or the last one. */
  readonly longestSliceSeconds: number;
  /** Of the one under way: written into memory and not further yet. */
  readonly waitingBytes: number;
}

export interface SpaceFacts {
  readonly sizeBytes: number;
  readonly availableBytes: number;
  /** Size of the snapshot that is there: the next one is written beside it. */
  readonly fileBytes: number;
}

export interface StatisticsFacts {
  readonly connectionsAccepted: number;
  readonly connectionsRejected: number;
  readonly commands: number;
  readonly commandsPerSecond: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly inputBytesPerSecond: number;
  readonly outputBytesPerSecond: number;
  readonly replicationInputBytes: number;
  readonly replicationOutputBytes: number;
  readonly replicationInputBytesPerSecond: number;
  readonly replicationOutputBytesPerSecond: number;
  readonly fullSyncs: number;
  readonly partialSyncs: number;
  readonly failedPartialSyncs: number;
  readonly expiry: ExpiryFacts;
  readonly overLimit: OverLimitFacts;
  readonly expiredKeys: number;
  /** Fields of hashes. */
  readonly expiredFields: number;
  readonly evictedKeys: number;
  readonly evictedClients: number;
  readonly hits: number;
  readonly misses: number;
  readonly channels: number;
  readonly patterns: number;
  readonly shardChannels: number;
  readonly errorReplies: number;
  readonly reads: number;
  readonly writes: number;
  /** What users were refused, by what it was. */
  readonly denials: DenialFacts;
}

/** What the active expiry cycle has met and cost. */
export interface ExpiryFacts {
  /** Of the keys with an expiry time, those that had expired and were still there when it came by. */
  readonly stalePercent: number;
  /** How often it had to stop before it was done. */
  readonly cappedRuns: number;
  readonly spentMs: number;
}

/** For how long memory was above its limit: in all, and up to now if it still is. */
export interface OverLimitFacts {
  readonly totalMs: number;
  readonly currentMs: number;
}

export interface DenialFacts {
  readonly auth: number;
  readonly command: number;
  readonly key: number;
  readonly channel: number;
}

export interface ReplicaFacts {
  readonly address: string;
  readonly port: number;
  readonly state: "wait_bgsave" | "send_bulk" | "online";
  readonly offset: number;
  readonly lagSeconds: number;
}

export interface PrimaryLinkFacts {
  readonly host: string;
  readonly port: number;
  readonly isUp: boolean;
  /** −1: never. */
  readonly lastMessageSecondsAgo: number;
  /** The snapshot that is being received or loaded; its total is 0 where the primary does not know it beforehand. */
  readonly transfer:
    | { readonly totalBytes: number; readonly readBytes: number; readonly lastSecondsAgo: number }
    | undefined;
  readonly readOffset: number;
  readonly downSeconds: number;
  /** Nor has it been before, since this primary is followed. */
  readonly neverWasUp: boolean;
  readonly priority: number;
  readonly isReadOnly: boolean;
  readonly isAnnounced: boolean;
}

export interface GroupFacts {
  readonly state: "leads" | "follows" | "held";
  readonly ticket: number;
  readonly heldForMs: number;
  readonly hasWholeCopy: boolean;
  /** Of a primary, while it takes writes. */
  readonly leaseLeftMs: number;
}

export interface ReplicationFacts {
  /** As INFO names it. */
  readonly failover: string;
  /** Undefined unless roles are given from outside. */
  readonly group: GroupFacts | undefined;
  /** Undefined on a primary. */
  readonly primaryLink: PrimaryLinkFacts | undefined;
  readonly replicas: readonly ReplicaFacts[];
  /** Undefined unless `min-replicas-to-write` asks for some. */
  readonly goodReplicas: number | undefined;
  readonly id: string;
  readonly previousId: string;
  readonly offset: number;
  readonly previousOffset: number;
  readonly backlog: {
    readonly isActive: boolean;
    readonly sizeBytes: number;
    readonly firstOffset: number;
    readonly length: number;
  };
  /** Of snapshots and of the stream, in memory for replicas that have not taken it yet: once for all of them. */
  readonly waitingBytes: number;
}

export interface ClusterFacts {
  readonly isOk: boolean;
  readonly slotsAssigned: number;
  readonly slotsOk: number;
  readonly slotsSuspected: number;
  readonly slotsFailed: number;
  readonly ownSlots: number;
  readonly knownNodes: number;
  readonly shards: number;
  readonly currentEpoch: number;
  readonly ownEpoch: number;
  readonly nodeId: string;
  /** Of the cluster bus, the kinds of which there were some. */
  readonly messages: readonly ClusterMessageFacts[];
}

/** The kinds of messages between nodes, in the words of CLUSTER INFO. */
export const CLUSTER_MESSAGE_NAMES = [
  "ping",
  "pong",
  "meet",
  "fail",
  "publish",
  "auth-req",
  "auth-ack",
  "update",
  "mfstart",
  "module",
  "publishshard",
] as const;

export type ClusterMessageName = (typeof CLUSTER_MESSAGE_NAMES)[number];

export interface ClusterMessageFacts {
  readonly name: ClusterMessageName;
  readonly sent: number;
  readonly received: number;
}

export interface DatabaseFacts {
  readonly index: number;
  readonly keys: number;
  readonly expires: number;
  /** Hashes with fields that have an expiry time. */
  readonly expiringHashes: number;
  readonly averageTtlMs: number;
}

export interface CommandFacts {
  readonly name: string;
  readonly calls: number;
  readonly microseconds: number;
  readonly rejectedCalls: number;
  readonly failedCalls: number;
}

/** The times of one command. */
export interface LatencyFacts {
  readonly name: string;
  /** So many percent of the calls took at most so many microseconds. */
  readonly percentiles: readonly (readonly [percent: number, microseconds: number])[];
  /** So many calls took at most so many microseconds; and how many there were. */
  readonly levels: readonly (readonly [microseconds: number, calls: number])[];
  readonly calls: number;
}

export interface SlowLogFacts {
  readonly length: number;
  /** The newest entry; undefined if there is none. */
  readonly last: { readonly id: number; readonly microseconds: number } | undefined;
}

/** The latest spike that the latency monitor kept of an event. */
export interface LatencySpikeFacts {
  readonly event: string;
  readonly atSeconds: number;
  readonly milliseconds: number;
}

/** Directives that metrics tell and INFO does not. */
export interface SettingFacts {
  readonly databases: number;
  readonly ioThreads: number;
  readonly outputBufferLimits: readonly OutputBufferLimitFacts[];
}

export interface OutputBufferLimitFacts {
  /** As the directive names it. */
  readonly clientClass: string;
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softSeconds: number;
}

export interface ProcessorFacts {
  readonly systemSeconds: number;
  readonly userSeconds: number;
  /** Of the thread that runs commands alone. */
  readonly ownSystemSeconds: number;
  readonly ownUserSeconds: number;
}

export interface FactSources {
  server(): ServerFacts;
  clients(): ClientFacts;
  memory(): MemoryFacts;
  /** Part of `memory`, for who does not need the rest: measuring indexes takes a while where there are millions of keys. */
  compaction(): CompactionFacts;
  persistence(): PersistenceFacts;
  statistics(): StatisticsFacts;
  replication(): ReplicationFacts;
  processor(): ProcessorFacts;
  /** Undefined outside of cluster mode. */
  cluster(): ClusterFacts | undefined;
  keyspace(): readonly DatabaseFacts[];
  commands(): readonly CommandFacts[];
  /** Empty while `latency-tracking` is off. */
  latencies(): readonly LatencyFacts[];
  latencySpikes(): readonly LatencySpikeFacts[];
  slowLog(): SlowLogFacts;
  settings(): SettingFacts;
  errors(): readonly (readonly [code: string, count: number])[];
}
