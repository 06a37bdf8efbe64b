/**
 * The lines of each section of INFO, with Redis' names in Redis' order. What has no counterpart here (forks, jemalloc,
 * threads of I/O) is answered with the value of a server that never uses it, since monitoring tools expect the line.
 */

import { arch, release, type } from "node:os";
import { humanMemorySize } from "@kvcluster/protocol/memory-units";
import type {
  AppendOnlyFacts,
  ClientFacts,
  CommandFacts,
  CompactionFacts,
  DatabaseFacts,
  FunctionFacts,
  LatencyFacts,
  LoadingFacts,
  MemoryFacts,
  PersistenceFacts,
  PrimaryLinkFacts,
  ProcessorFacts,
  ReplicationFacts,
  ScriptFacts,
  ServerFacts,
  SpaceFacts,
  StatisticsFacts,
  TrackingFacts,
} from "./facts.ts";
import { COMPATIBLE_VERSION, PRODUCT_NAME, PRODUCT_VERSION } from "./product.ts";

type Field = readonly [name: string, value: string | number];

const bit = (value: boolean): number => (value ? 1 : 0);
const state = (isOk: boolean): string => (isOk ? "ok" : "err");
const kilobytes = (bytesPerSecond: number): string => (bytesPerSecond / 1024).toFixed(2);

function ratio(part: number, whole: number): string {
  return (whole === 0 ? 0 : part / whole).toFixed(2);
}

function percent(part: number, whole: number): string {
  return `${((whole === 0 ? 0 : part / whole) * 100).toFixed(2)}%`;
}

export function serverFields(facts: ServerFacts): Field[] {
  const uptimeSeconds = Math.max(0, Math.floor((facts.nowUs / 1000 - facts.startedAtMs) / 1000));
  return [
    ["redis_version", COMPATIBLE_VERSION],
    ["redis_git_sha1", "00000000"],
    ["redis_git_dirty", 0],
    ["redis_build_id", "0"],
    ["redis_mode", facts.isCluster ? "cluster" : "standalone"],
    ["server_name", PRODUCT_NAME],
    ["server_version", PRODUCT_VERSION],
    ["os", `${type()} ${release()} ${arch() === "x64" ? "x86_64" : arch()}`],
    ["arch_bits", 64],
    ["monotonic_clock", "POSIX clock_gettime"],
    ["multiplexing_api", "libuv"],
    ["node_version", process.versions.node],
    ["process_id", facts.processId],
    ["process_supervised", "no"],
    ["run_id", facts.runId],
    ["tcp_port", facts.port],
    ["server_time_usec", facts.nowUs],
    ["uptime_in_seconds", uptimeSeconds],
    ["uptime_in_days", Math.floor(uptimeSeconds / 86400)],
    ["hz", facts.hz],
    ["configured_hz", facts.hz],
    ["lru_clock", facts.lruClock],
    ["executable", facts.executable],
    ["config_file", facts.configFile],
    ["io_threads_active", 0],
    ...(facts.shutdownInMs === undefined ? [] : [["shutdown_in_milliseconds", facts.shutdownInMs] as const]),
  ];
}

export function clientFields(facts: ClientFacts): Field[] {
  return [
    ["connected_clients", facts.connected],
    ["cluster_connections", facts.clusterConnections],
    ["maxclients", facts.maxClients],
    ["client_recent_max_input_buffer", facts.largestInputBytes],
    ["client_recent_max_output_buffer", facts.largestOutputBytes],
    ["blocked_clients", facts.blocked],
    ["tracking_clients", facts.tracking.clients],
    ["pubsub_clients", facts.subscribed],
    ["watching_clients", facts.watching],
    ["clients_in_timeout_table", facts.waitingWithTimeout],
    ["total_watched_keys", facts.watchedKeys],
    ["total_blocking_keys", facts.awaitedKeys],
    ["total_blocking_keys_on_nokey", facts.awaitedLosses],
  ];
}

export function memoryFields(facts: MemoryFacts): Field[] {
  const datasetBytes = Math.max(0, facts.usedBytes - facts.overheadBytes);
  const netBytes = Math.max(1, facts.usedBytes - facts.startupBytes);
  return [
    ["used_memory", facts.usedBytes],
    ["used_memory_human", humanMemorySize(facts.usedBytes)],
    ["used_memory_rss", facts.residentBytes],
    ["used_memory_rss_human", humanMemorySize(facts.residentBytes)],
    ["used_memory_peak", facts.peakBytes],
    ["used_memory_peak_human", humanMemorySize(facts.peakBytes)],
    ["used_memory_peak_perc", percent(facts.usedBytes, facts.peakBytes)],
    ["used_memory_overhead", facts.overheadBytes],
    ["used_memory_startup", facts.startupBytes],
    ["used_memory_dataset", datasetBytes],
    ["used_memory_dataset_perc", percent(Math.min(datasetBytes, netBytes), netBytes)],
    ["used_memory_heap", facts.heapBytes],
    ["allocator_allocated", facts.storedBytes],
    ["allocator_active", facts.arenaBytes],
    ["allocator_resident", facts.mappedBytes],
    ["total_system_memory", facts.systemBytes],
    ["total_system_memory_human", humanMemorySize(facts.systemBytes)],
    ...scriptMemoryFields(facts.scripts, facts.functions),
    ["maxmemory", facts.limitBytes],
    ["maxmemory_human", humanMemorySize(facts.limitBytes)],
    ["maxmemory_policy", facts.policy],
    ["allocator_frag_ratio", ratio(facts.arenaBytes, facts.storedBytes)],
    ["allocator_frag_bytes", facts.arenaBytes - facts.storedBytes],
    ["allocator_rss_ratio", ratio(facts.mappedBytes, facts.arenaBytes)],
    ["allocator_rss_bytes", facts.mappedBytes - facts.arenaBytes],
    ["rss_overhead_ratio", ratio(facts.residentBytes, facts.mappedBytes)],
    ["rss_overhead_bytes", facts.residentBytes - facts.mappedBytes],
    ["mem_fragmentation_ratio", ratio(facts.residentBytes, facts.usedBytes)],
    ["mem_fragmentation_bytes", facts.residentBytes - facts.usedBytes],
    ["mem_not_counted_for_evict", facts.aofBufferBytes + facts.replicaBufferBytes],
    ["mem_replication_backlog", facts.backlogBytes],
    ["mem_total_replication_buffers", facts.backlogBytes + facts.replicaBufferBytes],
    ["mem_clients_slaves", facts.replicaBufferBytes],
    ["mem_clients_normal", facts.clientBufferBytes],
    ["mem_cluster_links", facts.clusterLinkBytes],
    ["mem_aof_buffer", facts.aofBufferBytes],
    ["mem_allocator", "arena"],
    ["active_defrag_running", facts.compaction.effortPercent],
    ["lazyfree_pending_objects", facts.waitingFrees],
    ["lazyfreed_objects", facts.finishedFrees],
  ];
}

function scriptMemoryFields(scripts: ScriptFacts, functions: FunctionFacts): Field[] {
  const machineBytes = scripts.machineBytes + functions.machineBytes;
  const sourceBytes = scripts.sourceBytes + functions.sourceBytes;
  return [
    ["used_memory_lua", scripts.machineBytes],
    ["used_memory_vm_eval", scripts.machineBytes],
    ["used_memory_lua_human", humanMemorySize(scripts.machineBytes)],
    ["used_memory_scripts_eval", scripts.sourceBytes],
    ["number_of_cached_scripts", scripts.cachedScripts],
    ["number_of_functions", functions.functions],
    ["number_of_libraries", functions.libraries],
    ["used_memory_vm_functions", functions.machineBytes],
    ["used_memory_vm_total", machineBytes],
    ["used_memory_vm_total_human", humanMemorySize(machineBytes)],
    ["used_memory_functions", functions.sourceBytes],
    ["used_memory_scripts", sourceBytes],
    ["used_memory_scripts_human", humanMemorySize(sourceBytes)],
  ];
}

export function persistenceFields(facts: PersistenceFacts, nowMs: number): Field[] {
  return [
    ["loading", bit(facts.loading?.isServing === false)],
    ["async_loading", bit(facts.loading?.isServing === true)],
    ["current_cow_peak", 0],
    ["current_cow_size", 0],
    ["current_cow_size_age", 0],
    ["current_fork_perc", (facts.keysToSave === 0 ? 0 : (facts.savedKeys / facts.keysToSave) * 100).toFixed(2)],
    ["current_save_keys_processed", facts.savedKeys],
    ["current_save_keys_total", facts.keysToSave],
    ["rdb_changes_since_last_save", facts.changesSinceSave],
    ["rdb_bgsave_in_progress", bit(facts.isSaving)],
    ["rdb_last_save_time", Math.floor(facts.lastSaveAtMs / 1000)],
    ["rdb_last_bgsave_status", state(facts.isLastSaveOk)],
    ["rdb_last_bgsave_time_sec", facts.lastSaveSeconds],
    ["rdb_current_bgsave_time_sec", facts.currentSaveSeconds],
    ["rdb_saves", facts.saves],
    ["rdb_last_cow_size", 0],
    ["rdb_last_load_keys_expired", facts.lastLoadExpiredKeys],
    ["rdb_last_load_keys_loaded", facts.lastLoadKeys],
    ...spaceFields(facts.space),
    ...appendOnlyFields(facts.appendOnly),
    ...(facts.loading === undefined ? [] : loadingFields(facts.loading, nowMs)),
  ];
}

function spaceFields(space: SpaceFacts | undefined): Field[] {
  if (space === undefined) return [];
  const { sizeBytes, availableBytes, fileBytes } = space;
  return [
    ["disk_size_bytes", sizeBytes],
    ["disk_available_bytes", availableBytes],
    ["disk_snapshot_bytes", fileBytes],
  ];
}

function appendOnlyFields(facts: AppendOnlyFacts): Field[] {
  const always: Field[] = [
    ["aof_enabled", bit(facts.isEnabled)],
    ["aof_rewrite_in_progress", bit(facts.isRewriting)],
    ["aof_rewrite_scheduled", bit(facts.isRewriteScheduled)],
    ["aof_last_rewrite_time_sec", facts.lastRewriteSeconds],
    ["aof_current_rewrite_time_sec", facts.currentRewriteSeconds],
    ["aof_last_bgrewrite_status", state(facts.isLastRewriteOk)],
    ["aof_rewrites", facts.rewrites],
    ["aof_rewrites_consecutive_failures", facts.failedRewritesInARow],
    ["aof_last_write_status", state(facts.isLastWriteOk)],
    ["aof_last_cow_size", 0],
    ["module_fork_in_progress", 0],
    ["module_fork_last_cow_size", 0],
  ];
  if (!facts.isEnabled) return always;
  return [
    ...always,
    ["aof_current_size", facts.currentBytes],
    ["aof_base_size", facts.baseBytes],
    ["aof_pending_rewrite", bit(facts.isRewriteScheduled)],
    ["aof_buffer_length", facts.pendingBytes],
    ["aof_pending_bio_fsync", 0],
    ["aof_delayed_fsync", facts.delayedFsyncs],
  ];
}

function loadingFields(facts: LoadingFacts, nowMs: number): Field[] {
  const elapsedSeconds = Math.max(0, (nowMs - facts.startedAtMs) / 1000);
  const leftBytes = Math.max(0, facts.totalBytes - facts.loadedBytes);
  const etaSeconds = facts.loadedBytes === 0 ? 1 : Math.round((elapsedSeconds * leftBytes) / facts.loadedBytes);
  return [
    ["loading_start_time", Math.floor(facts.startedAtMs / 1000)],
    ["loading_total_bytes", facts.totalBytes],
    ["loading_rdb_used_mem", 0],
    ["loading_loaded_bytes", facts.loadedBytes],
    ["loading_loaded_perc", percent(facts.loadedBytes, facts.totalBytes).slice(0, -1)],
    ["loading_eta_seconds", etaSeconds],
  ];
}

export function statisticsFields(
  facts: StatisticsFacts,
  { compaction, tracking }: { readonly compaction: CompactionFacts; readonly tracking: TrackingFacts },
): Field[] {
  return [
    ["total_connections_received", facts.connectionsAccepted],
    ["total_commands_processed", facts.commands],
    ["instantaneous_ops_per_sec", Math.round(facts.commandsPerSecond)],
    ["total_net_input_bytes", facts.inputBytes],
    ["total_net_output_bytes", facts.outputBytes],
    ["total_net_repl_input_bytes", facts.replicationInputBytes],
    ["total_net_repl_output_bytes", facts.replicationOutputBytes],
    ["instantaneous_input_kbps", kilobytes(facts.inputBytesPerSecond)],
    ["instantaneous_output_kbps", kilobytes(facts.outputBytesPerSecond)],
    ["instantaneous_input_repl_kbps", kilobytes(facts.replicationInputBytesPerSecond)],
    ["instantaneous_output_repl_kbps", kilobytes(facts.replicationOutputBytesPerSecond)],
    ["rejected_connections", facts.connectionsRejected],
    ["sync_full", facts.fullSyncs],
    ["sync_partial_ok", facts.partialSyncs],
    ["sync_partial_err", facts.failedPartialSyncs],
    ["expired_subkeys", facts.expiredFields],
    ["expired_keys", facts.expiredKeys],
    ["expired_stale_perc", facts.expiry.stalePercent.toFixed(2)],
    ["expired_time_cap_reached_count", facts.expiry.cappedRuns],
    ["expire_cycle_cpu_milliseconds", Math.floor(facts.expiry.spentMs)],
    ["evicted_keys", facts.evictedKeys],
    ["evicted_clients", facts.evictedClients],
    ["total_eviction_exceeded_time", Math.floor(facts.overLimit.totalMs)],
    ["current_eviction_exceeded_time", Math.floor(facts.overLimit.currentMs)],
    ["keyspace_hits", facts.hits],
    ["keyspace_misses", facts.misses],
    ["pubsub_channels", facts.channels],
    ["pubsub_patterns", facts.patterns],
    ["pubsubshard_channels", facts.shardChannels],
    ...idleStatisticsFields(compaction, tracking),
    ["unexpected_error_replies", 0],
    ["total_error_replies", facts.errorReplies],
    ["dump_payload_sanitizations", 0],
    ["total_reads_processed", facts.reads],
    ["total_writes_processed", facts.writes],
    ["io_threaded_reads_processed", 0],
    ["io_threaded_writes_processed", 0],
    ["reply_buffer_shrinks", 0],
    ["reply_buffer_expands", 0],
    ["acl_access_denied_auth", facts.denials.auth],
    ["acl_access_denied_cmd", facts.denials.command],
    ["acl_access_denied_key", facts.denials.key],
    ["acl_access_denied_channel", facts.denials.channel],
  ];
}

function idleStatisticsFields(compaction: CompactionFacts, tracking: TrackingFacts): Field[] {
  return [
    ["latest_fork_usec", 0],
    ["total_forks", 0],
    ["migrate_cached_sockets", 0],
    ["slave_expires_tracked_keys", 0],
    ["active_defrag_hits", compaction.hits],
    ["active_defrag_misses", compaction.misses],
    ["active_defrag_key_hits", compaction.keyHits],
    ["active_defrag_key_misses", compaction.keyMisses],
    ["total_active_defrag_time", compaction.totalMs],
    ["current_active_defrag_time", compaction.currentMs],
    ["tracking_total_keys", tracking.keys],
    ["tracking_total_items", tracking.items],
    ["tracking_total_prefixes", tracking.prefixes],
  ];
}

export function replicationFields(facts: ReplicationFacts): Field[] {
  const link = facts.primaryLink;
  const { backlog } = facts;
  return [
    ["role", link === undefined ? "master" : "slave"],
    ...(link === undefined ? [] : primaryLinkFields(link, facts.offset)),
    ["connected_slaves", facts.replicas.length],
    ...(facts.goodReplicas === undefined ? [] : [["min_slaves_good_slaves", facts.goodReplicas] as const]),
    ...facts.replicas.map(
      (replica, index): Field => [
        `slave${index}`,
        `ip=${replica.address},port=${replica.port},state=${replica.state},offset=${replica.offset},lag=${replica.lagSeconds}`,
      ],
    ),
    ...groupFields(facts.group),
    ["master_failover_state", facts.failover],
    ["master_replid", facts.id],
    ["master_replid2", facts.previousId],
    ["master_repl_offset", facts.offset],
    ["second_repl_offset", facts.previousOffset],
    ["repl_backlog_active", bit(backlog.isActive)],
    ["repl_backlog_size", backlog.sizeBytes],
    ["repl_backlog_first_byte_offset", backlog.firstOffset],
    ["repl_backlog_histlen", backlog.length],
  ];
}

function groupFields(group: ReplicationFacts["group"]): Field[] {
  if (group === undefined) return [];
  return [
    ["group_state", group.state],
    ["group_ticket", group.ticket],
    ["group_held_ms", group.heldForMs],
    ["group_whole_copy", bit(group.hasWholeCopy)],
    ["group_lease_left_ms", group.leaseLeftMs],
  ];
}

function primaryLinkFields(link: PrimaryLinkFacts, offset: number): Field[] {
  return [
    ["master_host", link.host],
    ["master_port", link.port],
    ["master_link_status", link.isUp ? "up" : "down"],
    ["master_last_io_seconds_ago", link.lastMessageSecondsAgo],
    ["master_sync_in_progress", bit(link.transfer !== undefined)],
    ["slave_read_repl_offset", link.readOffset],
    ["slave_repl_offset", offset],
    ...(link.transfer === undefined ? [] : transferFields(link.transfer)),
    ...(link.isUp ? [] : [["master_link_down_since_seconds", link.neverWasUp ? -1 : link.downSeconds] as const]),
    ["slave_priority", link.priority],
    ["slave_read_only", bit(link.isReadOnly)],
    ["replica_announced", bit(link.isAnnounced)],
  ];
}

/** Without a total Redis counts what is left from 0 down. */
function transferFields(transfer: NonNullable<PrimaryLinkFacts["transfer"]>): Field[] {
  const { totalBytes, readBytes, lastSecondsAgo } = transfer;
  return [
    ["master_sync_total_bytes", totalBytes],
    ["master_sync_read_bytes", readBytes],
    ["master_sync_left_bytes", totalBytes - readBytes],
    ["master_sync_perc", percent(readBytes, totalBytes).slice(0, -1)],
    ["master_sync_last_io_seconds_ago", lastSecondsAgo],
  ];
}

export function processorFields(facts: ProcessorFacts): Field[] {
  const system = facts.systemSeconds.toFixed(6);
  const user = facts.userSeconds.toFixed(6);
  return [
    ["used_cpu_sys", system],
    ["used_cpu_user", user],
    ["used_cpu_sys_children", "0.000000"],
    ["used_cpu_user_children", "0.000000"],
    ["used_cpu_sys_main_thread", facts.ownSystemSeconds.toFixed(6)],
    ["used_cpu_user_main_thread", facts.ownUserSeconds.toFixed(6)],
  ];
}

export function commandFields(commands: readonly CommandFacts[]): Field[] {
  return commands
    .filter((command) => command.calls > 0 || command.rejectedCalls > 0 || command.failedCalls > 0)
    .map((command) => {
      const microseconds = Math.round(command.microseconds);
      const average = (command.calls === 0 ? 0 : microseconds / command.calls).toFixed(2);
      return [
        `cmdstat_${command.name}`,
        `calls=${command.calls},usec=${microseconds},usec_per_call=${average},rejected_calls=${command.rejectedCalls},failed_calls=${command.failedCalls}`,
      ];
    });
}

export function errorFields(errors: readonly (readonly [code: string, count: number])[]): Field[] {
  return errors.map(([code, count]) => [`errorstat_${code}`, `count=${count}`]);
}

export function latencyFields(latencies: readonly LatencyFacts[]): Field[] {
  return latencies.map(({ name, percentiles }) => [
    `latency_percentiles_usec_${name}`,
    percentiles.map(([percent, microseconds]) => `p${percent}=${microseconds.toFixed(3)}`).join(","),
  ]);
}

export function keyspaceFields(databases: readonly DatabaseFacts[]): Field[] {
  return databases
    .filter((database) => database.keys > 0)
    .map((database) => [
      `db${database.index}`,
      `keys=${database.keys},expires=${database.expires},avg_ttl=${Math.round(database.averageTtlMs)},subexpiry=${database.expiringHashes}`,
    ]);
}
