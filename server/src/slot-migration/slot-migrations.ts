/**
 * All moves of slots that this node takes part in: as the source, as the target, or as a replica of a target, which only looks
 * on. Moves that are over are remembered, the latest ones first in the list, up to a limit.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import type { SlotRange } from "../cluster/slot-bitmap.ts";
import { MigrationJob } from "./migration-job.ts";
import type { SlotExport } from "./slot-export.ts";
import type { SlotImport } from "./slot-import.ts";

/** Who sent ESTABLISH. */
export interface SourceConnection {
  send(bytes: Buffer): void;
  destroy(): void;
  /** All that comes goes to `receiver` from now on. */
  takeOver(receiver: (bytes: Buffer) => void): void;
}

export interface SlotMigrationsParts {
  nowMs(): number;
  newName(): string;
  myId(): string;
  maxRemembered(): number;
  createExport(job: MigrationJob): SlotExport;
  createImport(job: MigrationJob, connection: SourceConnection): SlotImport;
  /** Copies of these slots are coming to the primary of this node. */
  expectCopies(slots: ReadonlySet<number>): void;
  /** That is over: the slots are its own now, or the copies are deleted. */
  copiesEnded(slots: ReadonlySet<number>, areOwned: boolean): void;
  /** What was on its way to the primary of this node is not told of any more. */
  doubtCopies(): void;
  /** Tells the replicas of this node, in the stream. */
  tellReplicas(bytes: Buffer): void;
  isReplica(): boolean;
  /** Whether all of them are this node's. */
  owns(slots: ReadonlySet<number>): boolean;
  /** Deletes the keys of those that are not. */
  drop(slots: ReadonlySet<number>, done: () => void): void;
}

export class SlotMigrations {
  readonly #parts: SlotMigrationsParts;
  readonly #exports = new Map<string, SlotExport>();
  readonly #imports = new Map<SourceConnection, SlotImport>();
  /** All that are known, in order of their beginning. */
  readonly #jobs = new Map<string, MigrationJob>();

  /** Imports that ended as this node had become a replica. Its own may go on with it, should it be a primary again. */
  readonly #untold = new Set<MigrationJob>();

  constructor(parts: SlotMigrationsParts) {
    this.#parts = parts;
  }

  /** The latest first. */
  get jobs(): MigrationJob[] {
    return [...this.#jobs.values()].reverse();
  }

  /** Changes of the job's slots that have not left this node. */
  remainingBytes(job: MigrationJob): number {
    return this.#exports.get(job.name)?.remainingBytes ?? 0;
  }

  /** On their way to other nodes. */
  exportedSlots(): Set<number> {
    return new Set(this.#exportsUnderWay().flatMap(({ job }) => [...job.slots]));
  }

  isImporting(slots: readonly number[]): boolean {
    return [...this.#jobs.values()].some((job) => job.operation === "IMPORT" && !job.isOver && job.overlaps(slots));
  }

  /** Moves slots of this node to another primary. */
  begin(ranges: readonly SlotRange[], targetId: string): void {
    const nodes = { source: this.#parts.myId(), target: targetId };
    const name = this.#parts.newName();
    const job = new MigrationJob({
      ...{ name, operation: "EXPORT", ranges, nodes, state: "connecting", nowMs: this.#parts.nowMs() },
    });
    const work = this.#parts.createExport(job);
    this.#remember(job);
    this.#exports.set(name, work);
    work.start();
  }

  /** Ends all moves away from here; false if there is none. */
  cancelAll(): boolean {
    const underWay = this.#exportsUnderWay();
    for (const work of underWay) work.cancel();
    return underWay.length > 0;
  }

  /** The source of slots has signed in here. Its connection is answered later. */
  establish(
    connection: SourceConnection,
    request: { name: string; sourceId: string; ranges: readonly SlotRange[] },
  ): void {
    const { name, sourceId, ranges } = request;
    const nodes = { source: sourceId, target: this.#parts.myId() };
    const job = new MigrationJob({
      ...{ name, operation: "IMPORT", ranges, nodes, state: "waiting-for-ack", nowMs: this.#parts.nowMs() },
    });
    const work = this.#parts.createImport(job, connection);
    this.#remember(job);
    this.#imports.set(connection, work);
    connection.takeOver((bytes) => work.receive(bytes));
    work.start();
  }

  /** A replica is told of its primary's import. */
  follow(name: string, ranges: readonly SlotRange[]): void {
    const known = this.#jobs.get(name);
    if (known !== undefined && !known.isOver) return;
    const job = new MigrationJob({
      ...{ name, operation: "IMPORT", ranges, nodes: undefined, state: "occurring-on-primary" },
      nowMs: this.#parts.nowMs(),
    });
    // Of two imports of a slot the earlier one is over: its end was told while this replica was away.
    this.#endFollowed((other) => other.overlaps(job.slots), "Another import of these slots has begun");
    this.#remember(job);
    this.#parts.expectCopies(job.slots);
  }

  /** A replica is told how its primary's import has ended; false if it knows of none. */
  followed(name: string, isSuccess: boolean, message: string): boolean {
    const job = this.#jobs.get(name);
    if (job === undefined) return false;
    if (job.state !== "occurring-on-primary") return true;
    job.enter(isSuccess ? "success" : "failed", this.#parts.nowMs());
    job.message = message;
    this.#parts.copiesEnded(job.slots, isSuccess);
    return true;
  }

  /**
   * A replica goes on behind a snapshot, which is followed by what is under way, or with a primary that has begun anew or was a
   * replica itself, and takes part in nothing: of the ends of imports it was told of it will not hear.
   */
  streamReplaced(): void {
    this.#endFollowed(() => true, "How it has ended was not told here");
    this.#parts.doubtCopies();
    this.#untold.clear();
  }

  /** An import begins to take data: replicas learn of it before the first key comes. */
  announce(job: MigrationJob): void {
    const slots = job.ranges.flatMap(({ start, end }) => [start, end]);
    const words = ["SOURCE", job.nodes?.source ?? "", "NAME", job.name, "SLOTSRANGE", ...slots];
    this.#parts.tellReplicas(encodeCommand(["CLUSTER", "SYNCSLOTS", "ESTABLISH", ...words]));
  }

  /** A replica begins with a snapshot, which does not tell of imports. */
  announceAll(): void {
    for (const { job } of this.#imports.values()) if (!job.isOver) this.announce(job);
  }

  /** An import of this node is over. */
  importEnded(job: MigrationJob): void {
    for (const [connection, work] of this.#imports) if (work.job === job) this.#imports.delete(connection);
    this.#tellEnd(job);
  }

  #tellEnd(job: MigrationJob): void {
    if (this.#parts.isReplica()) {
      this.#untold.add(job);
      return;
    }
    const message = job.message === "" ? [] : ["MESSAGE", job.message];
    this.#parts.tellReplicas(
      encodeCommand(["CLUSTER", "SYNCSLOTS", "FINISH", "STATE", job.state, "NAME", job.name, ...message]),
    );
  }

  /** Replicas or the disk have got further. */
  progressed(): void {
    for (const work of this.#imports.values()) work.progressed();
  }

  /** Ten times a second. */
  tick(): void {
    if (this.#parts.isReplica()) this.ownersChanged();
    else this.#inherit();
    for (const work of this.#exports.values()) {
      work.tick();
      if (work.job.isOver) this.#exports.delete(work.job.name);
    }
    for (const work of this.#imports.values()) work.tick();
    for (const job of this.#jobs.values()) {
      if (this.#jobs.size <= this.#parts.maxRemembered()) break;
      if (job.isOver) this.#jobs.delete(job.name);
    }
  }

  /** Slots may have other owners now. */
  ownersChanged(): void {
    for (const work of this.#exports.values()) work.ownersChanged();
    for (const work of this.#imports.values()) work.ownersChanged();
  }

  /** All data of this node is gone. */
  flushed(): void {
    for (const work of this.#exports.values()) work.fail("Data was flushed");
    for (const work of this.#imports.values()) work.fail("Data was flushed");
  }

  /** A connection is closed. */
  forget(connection: SourceConnection): void {
    this.#imports.get(connection)?.disconnected();
  }

  #exportsUnderWay(): SlotExport[] {
    return [...this.#exports.values()].filter(({ job }) => !job.isOver);
  }

  /** This node has taken the place of the primary that took slots: other replicas hear from it how that has ended. */
  #inherit(): void {
    for (const job of this.#untold) this.#tellEnd(job);
    this.#untold.clear();
    for (const job of this.#jobs.values()) {
      if (job.state !== "occurring-on-primary") continue;
      const areOwned = this.#parts.owns(job.slots);
      if (!areOwned) job.message = "The primary that took the slots is gone";
      job.enter(areOwned ? "success" : "failed", this.#parts.nowMs());
      this.#parts.drop(job.slots, () => this.#tellEnd(job));
    }
  }

  /** Their copies are the cluster's to delete (cluster/surplus-slots.ts). */
  #endFollowed(isConcerned: (job: MigrationJob) => boolean, message: string): void {
    for (const job of this.#jobs.values()) {
      if (job.state !== "occurring-on-primary" || !isConcerned(job)) continue;
      job.enter("failed", this.#parts.nowMs());
      job.message = message;
    }
  }

  #remember(job: MigrationJob): void {
    this.#jobs.delete(job.name);
    this.#jobs.set(job.name, job);
  }
}
