/** Makes the SlotMigrations of a server from the server's parts: the place that knows both sides. */

import type { Socket } from "node:net";
import type { ServerCluster } from "../cluster/server-cluster.ts";
import { replicationAddress } from "../cluster/state.ts";
import type { Config } from "../config/config.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Logger } from "../observability/logger.ts";
import type { AppendOnly } from "../persistence/aof/append-only.ts";
import type { Persistence } from "../persistence/persistence.ts";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import type { LinkConnector } from "../replication/primary-link.ts";
import type { Replication } from "../replication/replication.ts";
import { exportTarget } from "./export-target.ts";
import type { MigrationJob } from "./migration-job.ts";
import { NodeMoves, type SourcePorts, type TargetPorts } from "./node-moves.ts";
import type { SlotExport } from "./slot-export.ts";
import { slotForm } from "./slot-form.ts";
import type { SlotImport } from "./slot-import.ts";
import type { SlotMigrations, SourceConnection } from "./slot-migrations.ts";
import { socketLink } from "./target-link.ts";

/** Those who want the changes of some slots. */
export interface ChangeListener {
  readonly slots: ReadonlySet<number>;
  /** Whole commands. */
  change(bytes: Buffer, start: number, end: number): void;
  fail(reason: string): void;
}

/** Runs the commands of a source, as those of nobody whom a guard would stop. */
export interface ImportApplier {
  /** Gives how many bytes the whole commands were. Throws what one of them said. */
  apply(bytes: Buffer): number;
  readonly neededBytes: number;
}

export interface ServerSlotMigrationsParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly keyspace: Keyspace;
  readonly cluster: ServerCluster;
  readonly persistence: Persistence;
  readonly appendOnly: AppendOnly;
  readonly replication: Replication;
  readonly listeners: Set<ChangeListener>;
  readonly connect: LinkConnector;
  /** With the permissions of who sent ESTABLISH. */
  readonly createApplier: (source: SourceConnection) => ImportApplier;
  /** Why no more data can be taken, if so. */
  readonly refusal: () => string | undefined;
  /** A script that was put aside is in the middle of its changes. */
  readonly isHeldUp: () => boolean;
  /** Writers may go on. */
  readonly released: () => void;
}

export interface ServerSlotMigrations {
  readonly migrations: SlotMigrations;
  /** Slots are just changing hands: writes wait. */
  readonly holdsWrites: boolean;
  /** Whom `CLUSTER SYNCSLOTS` is told to: the import whose stream is being run. */
  readonly applying: SlotImport | undefined;
  tick(): void;
}

export function createServerSlotMigrations(parts: ServerSlotMigrationsParts): ServerSlotMigrations {
  const { clock, random, logger, config, keyspace, replication } = parts;
  const { cluster, sweep } = parts.cluster;
  const current: { applying?: SlotImport | undefined } = {};
  const moves = new NodeMoves({
    ...{ clock, logger, state: cluster.state, change: (make) => cluster.change(make) },
    newName: () => random.hex(40),
    maxRemembered: () => config.get("cluster-slot-migration-log-max-len"),
    timeoutMs: () => config.get("repl-timeout") * 1000,
    failoverTimeoutMs: () => config.get("cluster-manual-failover-timeout"),
    isReplica: () => replication.isReplica,
    countKeys: (slot) => keyspace.countInSlot(slot),
    isSweeping: (slot) => sweep.has(slot),
    tellReplicas: (bytes) => replication.replicas.feed(0, bytes, 0, bytes.length),
    released: () => parts.released(),
    sourcePorts: (job, work) => sourcePorts(parts, job, work),
    targetPorts: (connection, work) => targetPorts(parts, connection, { work, current }),
  });
  return {
    migrations: moves.migrations,
    get holdsWrites() {
      return moves.holdsWrites;
    },
    get applying() {
      return current.applying;
    },
    tick: () => moves.tick(),
  };
}

function sourcePorts(parts: ServerSlotMigrationsParts, job: MigrationJob, work: () => SlotExport): SourcePorts {
  const { config, persistence, listeners } = parts;
  const listener: ChangeListener = {
    slots: job.slots,
    change: (bytes, start, end) => work().change(bytes, start, end),
    fail: (reason) => work().fail(reason),
  };
  return {
    mayHoldWrites: () => !parts.isHeldUp(),
    soon: (run) => queueMicrotask(run),
    connect: (events) => socketLink((ready) => connectTo(parts, job.nodes?.target ?? "", ready), events),
    credentials: () => ({ user: config.get("masteruser"), password: config.get("masterauth") }),
    limits: () => ({
      timeoutMs: config.get("repl-timeout") * 1000,
      maxHeldBytes: config.get("client-output-buffer-limit").replica.hardBytes,
      pauseBelowBytes: config.get("slot-migration-max-failover-repl-bytes"),
      pauseMs: config.get("cluster-manual-failover-timeout"),
    }),
    startSnapshot: (link, outcome) => {
      if (!persistence.mayBegin) return undefined;
      const snapshot = persistence.startSnapshot(exportTarget(link, outcome), false, slotForm(job.slots));
      const finish = (): void => persistence.finishSnapshot(snapshot);
      return {
        finish,
        abort() {
          snapshot.abort();
          finish();
        },
      };
    },
    listen: (isOn) => {
      if (isOn) listeners.add(listener);
      else listeners.delete(listener);
    },
  };
}

function connectTo({ cluster, connect }: ServerSlotMigrationsParts, id: string, ready: () => void): Socket {
  const { state } = cluster.cluster;
  const node = state.nodes.get(id);
  const address = node === undefined ? undefined : replicationAddress(state, node);
  // Port 0 of a node that is gone, or has no address yet, is refused at once.
  return connect(address?.host ?? "127.0.0.1", address?.port ?? 0, ready);
}

interface Applying {
  readonly work: () => SlotImport;
  readonly current: { applying?: SlotImport | undefined };
}

function targetPorts(
  parts: ServerSlotMigrationsParts,
  connection: SourceConnection,
  { work, current }: Applying,
): TargetPorts {
  const { config, appendOnly, replication, refusal } = parts;
  const { replicas } = replication;
  const applier = parts.createApplier(connection);
  return {
    refusal,
    neededBytes: () => applier.neededBytes,
    apply(bytes) {
      current.applying = work();
      try {
        return applier.apply(bytes);
      } finally {
        current.applying = undefined;
      }
    },
    position: () => ({ replicated: replicas.offset, appended: appendOnly.position }),
    isKept: ({ replicated, appended }, isLast) => {
      const policy = config.get("appendfsync");
      const isDiskAsked = appendOnly.isOn && policy !== "no" && (!isLast || policy === "always");
      if (isDiskAsked && appendOnly.durable < appended) return false;
      return replicas.sessions.every(
        ({ state, acknowledgedOffset }) => state !== "online" || acknowledgedOffset >= replicated,
      );
    },
    requestAcknowledgements: () => replicas.requestAcknowledgements(),
  };
}
