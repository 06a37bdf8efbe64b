/**
 * The target's end of a move of slots. The source's connection becomes a stream of commands that run here, one after another,
 * under no guard and without replies; their keys are served to nobody (cluster/surplus-slots.ts). Before it asks the source to
 * stop, and again before it takes over, it waits until its own replicas and its disk have what came: the source deletes its copy.
 *
 * Whatever goes wrong, all that came is deleted, and the slots are where they were.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import type { Logger } from "../observability/logger.ts";
import type { Clock } from "../platform/clock.ts";
import type { JobState, MigrationJob } from "./migration-job.ts";

/** Where the data has come to: with replicas, and in the append-only file. */
export interface DataPosition {
  readonly replicated: number;
  readonly appended: number;
}

export interface ImportPorts {
  readonly clock: Pick<Clock, "nowMs" | "monotonicUs">;
  readonly logger: Logger;
  send(bytes: Buffer): void;
  disconnect(): void;
  /** Runs the whole commands in the bytes; gives how many bytes those were. Throws what one of them said. */
  apply(bytes: Buffer): number;
  /** After bytes that ended in the middle of a command: how many it needs at least; 0 if not known. */
  neededBytes(): number;
  /** Why nothing more can be taken, if so: no memory, no disk. */
  refusal(): string | undefined;
  timeoutMs(): number;
  /** For so long after having asked for them, this node may take the slots. */
  takeOverWithinMs(): number;
  position(): DataPosition;
  /** Whether replicas, and the disk, have it all up to there. */
  isKept(position: DataPosition, isLast: boolean): boolean;
  requestAcknowledgements(): void;
  /** Whether all slots are still the source's. */
  isSourceOwner(): boolean;
  /** Why this node may own no more slots just now, if so. */
  mayNotOwn(): string | undefined;
  /** Copies of the slots' keys begin to come. */
  expect(): void;
  /** Deletes what there is of the slots, in slices; `done` after the last key. */
  drop(done: () => void): void;
  takeOver(): void;
  ended(job: MigrationJob): void;
}

const ACK_PERIOD_MS = 1000;

export class SlotImport {
  readonly job: MigrationJob;
  readonly #ports: ImportPorts;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #lastAckMs = 0;
  /** What is being waited for before the source hears the next word. */
  #awaited: { readonly position: DataPosition; readonly isLast: boolean } | undefined;
  #askedAtUs = 0;

  constructor(job: MigrationJob, ports: ImportPorts) {
    this.job = job;
    this.#ports = ports;
  }

  /** Answers ESTABLISH, once nothing of an earlier time is left in the slots. */
  start(): void {
    this.#ports.drop(() => {
      if (this.job.state !== "waiting-for-ack") return;
      this.#ports.expect();
      this.#ports.send(OK);
    });
  }

  receive(bytes: Buffer): void {
    if (this.#isOff) return;
    this.job.heardAtMs = this.#ports.clock.nowMs();
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes < this.#ports.neededBytes()) return;
    const refusal = this.#ports.refusal();
    if (refusal !== undefined) {
      this.fail(refusal);
      return;
    }
    const all = this.#pending.length === 1 ? bytes : Buffer.concat(this.#pending);
    try {
      const consumed = this.#ports.apply(all);
      this.#pending = consumed < all.length ? [all.subarray(consumed)] : [];
      this.#pendingBytes = all.length - consumed;
    } catch (error) {
      this.fail(`Failed to process command during slot migration: ${(error as Error).message}`);
    }
  }

  /** CLUSTER SYNCSLOTS in the stream. */
  told(verb: string): void {
    const { state } = this.job;
    if (verb === "ack") {
      if (state === "waiting-for-ack") this.#enter("receiving-snapshot");
      return;
    }
    if (verb === "snapshot-eof" && state === "receiving-snapshot") {
      this.#enter("waiting-for-paused");
      this.#await(false);
    } else if (verb === "paused" && state === "waiting-for-paused") {
      this.#enter("failover-requested");
      this.#await(true);
    } else if (verb === "failover-granted" && state === "failover-requested") this.#takeOver();
    else this.fail("Unexpected state machine transition");
  }

  /** Replicas or the disk have got further. */
  progressed(): void {
    if (!this.#isOff) this.#goOn();
  }

  /** Ten times a second. */
  tick(): void {
    if (this.#isOff) return;
    const nowMs = this.#ports.clock.nowMs();
    if (nowMs - this.job.heardAtMs > this.#ports.timeoutMs()) {
      this.fail("Timed out after too long with no interaction");
      return;
    }
    this.#goOn();
    if (nowMs - this.#lastAckMs < ACK_PERIOD_MS || this.job.state === "waiting-for-ack") return;
    this.#say("ACK");
  }

  /** Slots may have other owners now, or this node another role. */
  ownersChanged(): void {
    if (!this.#isOff && !this.#ports.isSourceOwner()) this.fail("Slots are no longer owned by source node");
  }

  fail(message: string): void {
    if (this.#isOff) return;
    this.#ports.logger.warning(`Slot migration: ${this.job}: ${message}`);
    this.job.message = message;
    this.#enter("cleaning-up");
    this.#ports.disconnect();
    this.#pending = [];
    this.#ports.drop(() => this.#end("failed"));
  }

  /** Connection closed by the source. */
  disconnected(): void {
    this.fail("Connection lost to source. Check CLUSTER GETSLOTMIGRATIONS on the source node for more information.");
  }

  get #isOff(): boolean {
    return this.job.isOver || this.job.state === "cleaning-up";
  }

  #await(isLast: boolean): void {
    this.#awaited = { position: this.#ports.position(), isLast };
    this.#ports.requestAcknowledgements();
    this.#goOn();
  }

  #goOn(): void {
    const awaited = this.#awaited;
    if (awaited === undefined || !this.#ports.isKept(awaited.position, awaited.isLast)) return;
    const obstacle = this.#ports.mayNotOwn();
    if (obstacle !== undefined) {
      // Writes wait at the source once it has paused, and not before.
      if (awaited.isLast) this.fail(obstacle);
      return;
    }
    this.#awaited = undefined;
    this.#askedAtUs = this.#ports.clock.monotonicUs();
    this.#say(awaited.isLast ? "REQUEST-FAILOVER" : "REQUEST-PAUSE");
  }

  #takeOver(): void {
    if (!this.#ports.isSourceOwner()) {
      this.fail("Slots are no longer owned by source node");
      return;
    }
    const obstacle = this.#ports.mayNotOwn();
    if (obstacle !== undefined) {
      this.fail(obstacle);
      return;
    }
    // This node may have stood still: the source does not wait for ever, and may be at work again.
    if (this.#ports.clock.monotonicUs() - this.#askedAtUs > this.#ports.takeOverWithinMs() * 1000) {
      this.fail("Too late to take over");
      return;
    }
    this.#enter("success");
    this.#ports.takeOver();
    this.#ports.ended(this.job);
    this.#ports.disconnect();
  }

  #say(verb: string): void {
    this.#lastAckMs = this.#ports.clock.nowMs();
    this.#ports.send(encodeCommand(["CLUSTER", "SYNCSLOTS", verb]));
  }

  #enter(state: JobState): void {
    this.#ports.logger.notice(`Slot migration: ${this.job}: ${state}`);
    this.job.enter(state, this.#ports.clock.nowMs());
  }

  #end(state: JobState): void {
    this.#enter(state);
    this.#ports.ended(this.job);
  }
}

const OK = Buffer.from("+OK\r\n");
