/** One move of slots, as each of its two ends keeps it, while it is under way and afterwards for CLUSTER GETSLOTMIGRATIONS. */

import type { SlotRange } from "../cluster/slot-bitmap.ts";

/** As Valkey 9 names them, so that its tools can follow. */
export type JobState =
  | "connecting"
  | "reading-auth-response"
  | "reading-establish-response"
  | "waiting-to-snapshot"
  | "snapshotting"
  | "replicating"
  | "waiting-to-pause"
  | "failover-paused"
  | "failover-granted"
  | "waiting-for-ack"
  | "receiving-snapshot"
  | "waiting-for-paused"
  | "failover-requested"
  | "cleaning-up"
  | "occurring-on-primary"
  | "success"
  | "failed"
  | "cancelled";

export type FinalState = "success" | "failed" | "cancelled";

export interface JobOptions {
  /** 40 hex digits, the same on both ends. */
  readonly name: string;
  readonly operation: "EXPORT" | "IMPORT";
  readonly ranges: readonly SlotRange[];
  /** Ids of nodes; a replica, which only looks on, does not know them. */
  readonly nodes: { readonly source: string; readonly target: string } | undefined;
  readonly state: JobState;
  readonly nowMs: number;
}

export class MigrationJob {
  readonly name: string;
  readonly operation: "EXPORT" | "IMPORT";
  readonly ranges: readonly SlotRange[];
  readonly slots: ReadonlySet<number>;
  readonly nodes: JobOptions["nodes"];
  readonly createdAtMs: number;
  state: JobState;
  /** What went wrong, for people. */
  message = "";
  changedAtMs: number;
  /** When the other end was last heard. */
  heardAtMs: number;

  constructor(options: JobOptions) {
    this.name = options.name;
    this.operation = options.operation;
    this.ranges = options.ranges;
    this.slots = new Set(options.ranges.flatMap(slotsInRange));
    this.nodes = options.nodes;
    this.state = options.state;
    this.createdAtMs = options.nowMs;
    this.changedAtMs = options.nowMs;
    this.heardAtMs = options.nowMs;
  }

  /** Nothing more will happen. */
  get isOver(): boolean {
    return this.state === "success" || this.state === "failed" || this.state === "cancelled";
  }

  overlaps(slots: Iterable<number>): boolean {
    for (const slot of slots) if (this.slots.has(slot)) return true;
    return false;
  }

  enter(state: JobState, nowMs: number): void {
    this.state = state;
    this.changedAtMs = nowMs;
  }

  toString(): string {
    return `${this.operation.toLowerCase()} ${this.name} of slots ${rangesText(this.ranges)}`;
  }
}

export function slotsInRange({ start, end }: SlotRange): number[] {
  return Array.from({ length: end - start + 1 }, (_, i) => start + i);
}

export function rangesText(ranges: readonly SlotRange[]): string {
  return ranges.map(({ start, end }) => `${start}-${end}`).join(" ");
}
