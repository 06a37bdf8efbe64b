/** Fields of INFO that are there for those who look for them, and why they always say the same. */

export interface StandingFields {
  readonly fields: readonly string[];
  /** Behind the names: "… say the same always: ". */
  readonly reason: string;
}

export const STANDING_FIELDS: readonly StandingFields[] = [
  {
    fields: [
      "redis_git_sha1",
      "redis_git_dirty",
      "redis_build_id",
      "monotonic_clock",
      "multiplexing_api",
      "mem_allocator",
    ],
    reason: "of the program, not of what it does",
  },
  { fields: ["process_supervised"], reason: "nobody is told of the start" },
  {
    fields: ["io_threads_active", "io_threaded_reads_processed", "io_threaded_writes_processed"],
    reason: "one thread serves all sockets",
  },
  {
    fields: [
      ...["current_cow_peak", "current_cow_size", "current_cow_size_age", "rdb_last_cow_size", "aof_last_cow_size"],
      ...["latest_fork_usec", "total_forks", "module_fork_in_progress", "module_fork_last_cow_size"],
      ...["used_cpu_sys_children", "used_cpu_user_children"],
    ],
    reason:
      "there are no child processes: what a save keeps in memory is `kvcluster_snapshot_waiting_bytes` in /metrics",
  },
  {
    fields: ["loading_rdb_used_mem"],
    reason: "the memory that a file speaks of is another server's",
  },
  { fields: ["aof_pending_bio_fsync"], reason: "syncs of the append-only file do not queue" },
  {
    fields: ["reply_buffer_shrinks", "reply_buffer_expands"],
    reason: "replies have no buffers of a size of their own",
  },
  { fields: ["migrate_cached_sockets"], reason: "MIGRATE keeps no connections" },
  { fields: ["slave_expires_tracked_keys"], reason: "on a replica only its primary deletes keys" },
  {
    fields: ["unexpected_error_replies", "dump_payload_sanitizations"],
    reason: "not counted: what a primary sends and fails here is in the log, and every payload is checked",
  },
];
