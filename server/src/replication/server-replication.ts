/** Makes the Replication of a server from the server's parts: the place that knows both sides. */

import type { Config } from "../config/config.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { MOST_SPARED_DATABASES } from "../keyspace/spare-databases.ts";
import type { Logger } from "../observability/logger.ts";
import { holdsKeys } from "../persistence/holds-keys.ts";
import type { Persistence, PersistenceOptions } from "../persistence/persistence.ts";
import { spoolSnapshot } from "../persistence/spooled-snapshot.ts";
import { availableMemory } from "../platform/available-memory.ts";
import { openToRead, systemBackgroundDisk } from "../platform/background-disk.ts";
import type { Clock } from "../platform/clock.ts";
import { systemDisk } from "../platform/disk.ts";
import type { Random } from "../platform/random.ts";
import type { LinkConnector, StreamApplier } from "./primary-link.ts";
import { ReceiverTarget } from "./receiver-target.ts";
import { Replication, type ReplicationSettings } from "./replication.ts";
import type { SnapshotFileReceiver, SnapshotInFile, SnapshotReceiver, SnapshotSource } from "./snapshot-source.ts";
import { FileSpool } from "./snapshot-spool.ts";

export interface ServerReplicationParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly keyspace: Pick<Keyspace, "count">;
  readonly persistence: Persistence;
  readonly createFileTarget: PersistenceOptions["createFileTarget"];
  readonly appendOnly: { readonly isOn: boolean; readonly position: number; readonly durable: number };
  readonly applier: StreamApplier;
  readonly connect: LinkConnector;
  /** The port clients connect to, known once the server listens. */
  readonly port: () => number;
  readonly roleChanged: (isReplica: boolean) => void;
  readonly streamReplaced: () => void;
  /** A snapshot for replicas has begun. */
  readonly snapshotBegun: () => void;
  readonly pause: {
    pause(purpose: "failover", durationMs: number, mode: "write"): void;
    unpause(purpose: "failover"): void;
  };
}

/** A failover ends its pause itself. */
const LONGEST_PAUSE_MS = 24 * 3600 * 1000;

export function createServerReplication(parts: ServerReplicationParts): Replication {
  const { config, clock, random, logger, applier, roleChanged, streamReplaced, pause } = parts;
  const settings = settingsOf(parts, availableMemory());
  const replication = new Replication({
    ...{ clock, random, logger, settings, applier, roleChanged, streamReplaced },
    connect: parts.connect,
    primaryChanged: (primary) => config.assign("replicaof", primary),
    writes: {
      pause: () => pause.pause("failover", LONGEST_PAUSE_MS, "write"),
      unpause: () => pause.unpause("failover"),
    },
    leaseSeconds: config.get("group-lease"),
    minReplicas: () => config.get("min-replicas-to-write"),
    snapshots: snapshotSource(parts),
    isBehind: () => parts.persistence.isBehind,
    openSpool: (failed) => openSpool(parts, failed),
    appended: () => (parts.appendOnly.isOn ? parts.appendOnly : undefined),
  });
  config.onChange(["repl-backlog-size"], () => {
    replication.replicas.resizeBacklog();
    return undefined;
  });
  return replication;
}

/** Of the memory for data, what may be kept of changes while replicas are synchronized. */
const SYNC_SHARE = 1 / 8;
const HIGH_WATER_BYTES = 4 << 20;

/**
 * How long a full sync takes goes by how much data there is, so what may be kept meanwhile does too. What was set for a backlog,
 * or for what may wait for one replica, is had at least; who wants no limit there wants none here.
 */
function maxSyncBytes(config: Config, memoryBytes: number): number {
  const { hardBytes } = config.get("client-output-buffer-limit").replica;
  if (hardBytes === 0) return Number.POSITIVE_INFINITY;
  const share = Math.floor(SYNC_SHARE * (config.get("maxmemory") || memoryBytes));
  return Math.max(config.get("repl-backlog-size"), hardBytes, share);
}

/** What is given a replica as it takes it must never be more than it may have waiting. */
function highWaterBytes(config: Config): number {
  const { hardBytes, softBytes } = config.get("client-output-buffer-limit").replica;
  const least = Math.min(hardBytes || Number.POSITIVE_INFINITY, softBytes || Number.POSITIVE_INFINITY);
  return Math.min(HIGH_WATER_BYTES, Math.ceil(least / 2));
}

/** Read for every command of a stream, so nothing is gathered: each is asked for where it is wanted. */
function settingsOf({ config, port }: ServerReplicationParts, memoryBytes: number): ReplicationSettings {
  return {
    get user() {
      return config.get("masteruser");
    },
    get password() {
      return config.get("masterauth");
    },
    get listeningPort() {
      return config.get("replica-announce-port") || (config.get("tls-replication") && config.get("tls-port")) || port();
    },
    get announcedAddress() {
      return config.get("replica-announce-ip");
    },
    get isOfGroup() {
      return config.get("group-lease") > 0;
    },
    get timeoutSeconds() {
      return config.get("repl-timeout");
    },
    get isReadOnly() {
      return config.get("replica-read-only");
    },
    get servesStaleData() {
      return config.get("replica-serve-stale-data");
    },
    get maxLagSeconds() {
      return config.get("min-replicas-max-lag");
    },
    get priority() {
      return config.get("replica-priority");
    },
    get keepsDataInSync() {
      return config.get("repl-diskless-load") === "swapdb" && config.get("databases") <= MOST_SPARED_DATABASES;
    },
    get isAnnounced() {
      return config.get("replica-announced");
    },
    get backlogBytes() {
      return config.get("repl-backlog-size");
    },
    get backlogTtlSeconds() {
      return config.get("repl-backlog-ttl");
    },
    // A lease needs proofs that are younger than itself.
    get pingPeriodSeconds() {
      return config.get("group-lease") > 0 ? 1 : config.get("repl-ping-replica-period");
    },
    get isDiskless() {
      return config.get("repl-diskless-sync");
    },
    get syncDelaySeconds() {
      return config.get("repl-diskless-sync") ? config.get("repl-diskless-sync-delay") : 0;
    },
    get enoughToSync() {
      return config.get("repl-diskless-sync-max-replicas");
    },
    get maxSyncBytes() {
      return maxSyncBytes(config, memoryBytes);
    },
    get highWaterBytes() {
      return highWaterBytes(config);
    },
  };
}

function snapshotSource(parts: ServerReplicationParts): SnapshotSource {
  const { config, persistence, createFileTarget, snapshotBegun } = parts;
  const begin = <Receiver>(start: (receiver: Receiver) => () => void) => {
    return (receiver: Receiver): (() => void) | undefined => {
      if (!persistence.mayBegin || persistence.isLoading) return undefined;
      const abort = start(receiver);
      // Not before the replicas count as being sent to.
      queueMicrotask(snapshotBegun);
      return abort;
    };
  };
  return {
    toReceiver: begin((receiver: SnapshotReceiver) => {
      const target = new ReceiverTarget(receiver, config.get("rdbchecksum"), () => persistence.finishSnapshot(job));
      const job = persistence.startSnapshot(target);
      return () => job.abort();
    }),
    toFile: begin((receiver: SnapshotFileReceiver) =>
      spoolSnapshot(
        { persistence, createFileTarget, hasChecksum: config.get("rdbchecksum") },
        {
          done: (file) => {
            openSpooled(file).then(
              (opened) => receiver.ready(opened),
              (error: Error) => receiver.fail(error.message),
            );
          },
          failed: (reason) => receiver.fail(reason),
        },
      ),
    ),
  };
}

/** It is gone when nobody reads it any more, and be it because the process has died. */
async function openSpooled(name: string): Promise<SnapshotInFile> {
  const { sizeBytes, read, close } = await openToRead(name);
  await systemBackgroundDisk.remove(name);
  return { sizeBytes, read, discard: () => void close() };
}

function openSpool(parts: ServerReplicationParts, failed: (reason: Error) => void): FileSpool {
  const { persistence } = parts;
  return new FileSpool({
    refusal: (file) => refuseEmpty(parts, file),
    ...{ disk: systemBackgroundDisk, file: persistence.temporaryFile(), failed },
    replaceBy: (file, oldData) => persistence.replaceBy(file, oldData),
    giveUp: () => persistence.giveUpReplacement(),
  });
}

/** A primary that has come back without its data would take it from its replicas too. */
function refuseEmpty({ config, keyspace }: ServerReplicationParts, file: string): string | undefined {
  if (!config.get("replica-refuse-empty-primary") || keyspace.count === 0 || holdsKeys(systemDisk, file))
    return undefined;
  return "it has no keys, this replica has some, and replica-refuse-empty-primary is set";
}
