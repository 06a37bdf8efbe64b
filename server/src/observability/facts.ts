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
  readonly fullSyncs: number;
  readonly partialSyncs: number;
  readonly failedPartialSyncs: number;
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
  readonly isSyncing: boolean;
  readonly readOffset: number;
  readonly downSeconds: number;
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

/** The times of one command: so many percent of the calls took at most so many microseconds. */
export interface LatencyFacts {
  readonly name: string;
  readonly percentiles: readonly (readonly [percent: number, microseconds: number])[];
}

export interface ProcessorFacts {
  readonly systemSeconds: number;
  readonly userSeconds: number;
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
  errors(): readonly (readonly [code: string, count: number])[];
}
