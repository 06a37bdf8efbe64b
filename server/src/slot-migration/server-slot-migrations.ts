/** Makes the SlotMigrations of a server from the server's parts: the place that knows both sides. */

import type { Socket } from "node:net";
import { isPrimary } from "../cluster/cluster-node.ts";
import type { ServerCluster } from "../cluster/server-cluster.ts";
import { believePrimary, claimAgain, takeCopiedSlots } from "../cluster/slot-claims.ts";
import { replicationAddress } from "../cluster/state.ts";
import { dropKeys, expectCopies, forgetSurplus } from "../cluster/surplus-slots.ts";
import type { Config } from "../config/config.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { SlotSweep } from "../keyspace/slot-sweep.ts";
import type { Logger } from "../observability/logger.ts";
import type { AppendOnly } from "../persistence/aof/append-only.ts";
import type { Persistence } from "../persistence/persistence.ts";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import type { LinkConnector } from "../replication/primary-link.ts";
import type { Replication } from "../replication/replication.ts";
import type { MigrationJob } from "./migration-job.ts";
import { SlotExport } from "./slot-export.ts";
import { SlotImport } from "./slot-import.ts";
import { SlotMigrations, type SourceConnection } from "./slot-migrations.ts";

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

/** Slots whose keys are being deleted, and what comes after the last one. */
interface Drop {
  readonly slots: ReadonlySet<number>;
  readonly done: () => void;
}

export function createServerSlotMigrations(parts: ServerSlotMigrationsParts): ServerSlotMigrations {
  const { clock, random, config, keyspace, replication } = parts;
  const { cluster, sweep } = parts.cluster;
  const holders = new Set<MigrationJob>();
  const current: { applying?: SlotImport | undefined } = {};
  let drops: Drop[] = [];
  const drop = (slots: ReadonlySet<number>, done: () => void): void => {
    // A sweep that is under way goes on over the slots, empty or not, and would take what comes next.
    const filled = [...slots].filter((slot) => keyspace.countInSlot(slot) > 0 || sweep.has(slot));
    if (filled.length > 0 && !keyspace.isReplica) {
      cluster.change((state) => dropKeys(state, filled));
      drops.push({ slots, done });
      return;
    }
    cluster.change((state) => forgetSurplus(state, slots));
    done();
  };
  const migrations: SlotMigrations = new SlotMigrations({
    nowMs: () => clock.nowMs(),
    newName: () => random.hex(40),
    myId: () => cluster.myId,
    maxRemembered: () => config.get("cluster-slot-migration-log-max-len"),
    expectCopies: (slots) => cluster.change((state) => expectCopies(state, slots)),
    copiesEnded: (slots, areOwned) => {
      cluster.change((state) => {
        if (areOwned) believePrimary(state, slots);
        forgetSurplus(state, slots);
      });
    },
    tellReplicas: (bytes) => replication.replicas.feed(0, bytes, 0, bytes.length),
    isReplica: () => replication.isReplica,
    createExport: (job) => createExport(parts, job, holders),
    createImport: (job, connection) =>
      createImport({ parts, job, connection, migrations, drop: (done) => drop(job.slots, done), current }),
  });
  return {
    migrations,
    get holdsWrites() {
      return holders.size > 0;
    },
    get applying() {
      return current.applying;
    },
    tick() {
      const done = drops.filter(({ slots }) => !hasAny(sweep, slots));
      drops = drops.filter((one) => !done.includes(one));
      for (const one of done) one.done();
      migrations.tick();
    },
  };
}

function hasAny(sweep: SlotSweep, slots: Iterable<number>): boolean {
  for (const slot of slots) if (sweep.has(slot)) return true;
  return false;
}

function createExport(parts: ServerSlotMigrationsParts, job: MigrationJob, holders: Set<MigrationJob>): SlotExport {
  const { clock, logger, config, persistence, listeners } = parts;
  const { cluster } = parts.cluster;
  const work: SlotExport = new SlotExport(job, {
    ...{ clock, logger, mayHoldWrites: () => !parts.isHeldUp() },
    connect: (ready) => connectTo(parts, job.nodes?.target ?? "", ready),
    credentials: () => ({ user: config.get("masteruser"), password: config.get("masterauth") }),
    limits: () => ({
      timeoutMs: config.get("repl-timeout") * 1000,
      maxHeldBytes: config.get("client-output-buffer-limit").replica.hardBytes,
      pauseBelowBytes: config.get("slot-migration-max-failover-repl-bytes"),
      pauseMs: config.get("cluster-manual-failover-timeout"),
    }),
    startSnapshot: (target, form) => {
      if (!persistence.mayBegin) return undefined;
      const snapshot = persistence.startSnapshot(target, false, form);
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
    holdWrites: (isOn) => {
      if (isOn) holders.add(job);
      else if (holders.delete(job) && holders.size === 0) parts.released();
    },
    owner: () => ownerOf(parts, job),
    claim: () => cluster.change(claimAgain),
  });
  const listener: ChangeListener = {
    slots: job.slots,
    change: (bytes, start, end) => work.change(bytes, start, end),
    fail: (reason) => work.fail(reason),
  };
  return work;
}

function connectTo({ cluster, connect }: ServerSlotMigrationsParts, id: string, ready: () => void): Socket {
  const { state } = cluster.cluster;
  const node = state.nodes.get(id);
  const address = node === undefined ? undefined : replicationAddress(state, node);
  // Port 0 of a node that is gone, or has no address yet, is refused at once.
  return connect(address?.host ?? "127.0.0.1", address?.port ?? 0, ready);
}

function ownerOf({ cluster }: ServerSlotMigrationsParts, { slots, nodes }: MigrationJob) {
  const { table, myself, nodes: known } = cluster.cluster.state;
  const target = known.get(nodes?.target ?? "");
  const owners = new Set([...slots].map((slot) => table.ownerOf(slot)));
  if (owners.size !== 1) return "others";
  if (owners.has(myself) && isPrimary(myself)) return "this node";
  const [owner] = owners;
  if (owner === undefined || target === undefined) return "others";
  // It may have been replaced by its replica since.
  const isItsShard = owner === target || (owner.shardId !== "" && owner.shardId === target.shardId);
  return isItsShard ? "the target" : "others";
}

interface ImportParts {
  readonly parts: ServerSlotMigrationsParts;
  readonly job: MigrationJob;
  readonly connection: SourceConnection;
  readonly migrations: SlotMigrations;
  readonly drop: (done: () => void) => void;
  readonly current: { applying?: SlotImport | undefined };
}

function createImport({ parts, job, connection, migrations, drop, current }: ImportParts): SlotImport {
  const { clock, logger, config, appendOnly, replication, refusal } = parts;
  const { replicas } = replication;
  const { cluster } = parts.cluster;
  const applier = parts.createApplier(connection);
  const work: SlotImport = new SlotImport(job, {
    ...{ clock, logger, refusal, timeoutMs: () => config.get("repl-timeout") * 1000 },
    // The source waits for all of it: the other half is for the claim, on its way there.
    takeOverWithinMs: () => config.get("cluster-manual-failover-timeout") / 2,
    send: (bytes) => connection.send(bytes),
    disconnect: () => connection.destroy(),
    neededBytes: () => applier.neededBytes,
    apply(bytes) {
      current.applying = work;
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
    isSourceOwner: () => {
      const { table, myself, nodes } = cluster.state;
      const source = nodes.get(job.nodes?.source ?? "");
      if (!isPrimary(myself) || source === undefined) return false;
      return [...job.slots].every((slot) => table.ownerOf(slot) === source);
    },
    expect: () => {
      cluster.change((state) => expectCopies(state, job.slots));
      migrations.announce(job);
    },
    drop,
    takeOver: () => cluster.change((state) => takeCopiedSlots(state, job.slots)),
    ended: (ended) => migrations.importEnded(ended),
  });
  return work;
}
