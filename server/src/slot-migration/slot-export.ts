/**
 * The source's end of a move of slots. It signs in at the target, sends a snapshot of the slots' keys as commands, and behind
 * it every change since; when the target has nearly everything, writes are held back here until the last change is there and
 * the target, having been allowed to, owns the slots. The words on the wire are those of Valkey 9 (CLUSTER SYNCSLOTS).
 *
 * Until the target is allowed to take over, everything can be given up at any point and nothing has happened. From then on
 * the outcome is learned from the cluster bus alone; where it tells nothing in time, this node claims the slots anew with a
 * higher epoch, so that a late claim of the target loses, and goes on. Not while it hears no majority, perhaps because it has
 * stood still: the claim may have come in time, and be known to all others.
 */

import { RespDecoder, RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import type { Logger } from "../observability/logger.ts";
import type { Clock } from "../platform/clock.ts";
import { StreamBatch } from "../replication/stream-batch.ts";
import type { FinalState, JobState, MigrationJob } from "./migration-job.ts";

export interface ExportLimits {
  /** Nothing heard for so long: given up. */
  readonly timeoutMs: number;
  /** Changes that may wait here, for the end of the snapshot or for the target to take them; 0: no limit. */
  readonly maxHeldBytes: number;
  /** Writes are held back once no more than this is on its way. */
  readonly pauseBelowBytes: number;
  /** For so long they are held back for the target to have everything, and then for its claim to come. */
  readonly pauseMs: number;
}

/** The connection to the target: in order, and it may end at any moment. */
export interface TargetLink {
  /** Written and not on the way. */
  readonly unsentBytes: number;
  write(bytes: Uint8Array): void;
  destroy(): void;
}

export interface LinkEvents {
  /** Something can be said on it. */
  opened(): void;
  received(chunk: Buffer): void;
  failed(reason: string): void;
  closed(): void;
}

export interface SnapshotOutcome {
  /** All of it has been written. */
  ended(): void;
  aborted(): void;
}

export interface ExportPorts {
  readonly clock: Pick<Clock, "nowMs">;
  readonly logger: Logger;
  connect(events: LinkEvents): TargetLink;
  credentials(): { readonly user: string; readonly password: string };
  limits(): ExportLimits;
  /** Writes the keys of the slots on the link; undefined while another snapshot is under way. */
  startSnapshot(link: TargetLink, outcome: SnapshotOutcome): { abort(): void; finish(): void } | undefined;
  /** Changes of the slots go to this job, or do not any more. */
  listen(isOn: boolean): void;
  /** Whether nothing is in the middle of changing something. */
  mayHoldWrites(): boolean;
  holdWrites(isOn: boolean): void;
  /** Whether what the target would claim the slots with is newer than what this node has them by. */
  isTargetUpToDate(): boolean;
  /** The slots are the target's to take, or are not any more. */
  give(isOn: boolean): void;
  owner(): "this node" | "the target" | "others";
  /** Tells all others that the target owns them. */
  relay(): void;
  /** Who has heard of a claim would have told this node of it. */
  hearsMajority(): boolean;
  /** Claims the slots again, against whatever the target may have come to. */
  claim(): void;
  /** Behind what is running now. */
  soon(run: () => void): void;
}

const ACK_PERIOD_MS = 1000;

export class SlotExport {
  readonly job: MigrationJob;
  readonly #ports: ExportPorts;
  readonly #decoder = new RespDecoder();
  readonly #batch = new StreamBatch();
  #link: TargetLink | undefined;
  #snapshot: { abort(): void; finish(): void } | undefined;
  #heldBytes = 0;
  #isFlushScheduled = false;
  #lastAckMs = 0;
  #pausedUntilMs = 0;
  /** The target has everything, and wants the slots. */
  #isAsked = false;

  constructor(job: MigrationJob, ports: ExportPorts) {
    this.job = job;
    this.#ports = ports;
  }

  start(): void {
    this.#link = this.#ports.connect({
      opened: () => this.#signIn(),
      received: (chunk) => this.#receive(chunk),
      failed: (reason) => {
        if (this.job.state === "connecting") this.fail(`Unable to connect to target node: ${reason}`);
      },
      closed: () => this.#closed(),
    });
  }

  /** Changes that have not left. */
  get remainingBytes(): number {
    return this.#heldBytes + (this.#link?.unsentBytes ?? 0);
  }

  /** A change of the slots, whole commands. */
  change(bytes: Buffer, start: number, end: number): void {
    this.#batch.append(bytes, start, end);
    if (this.job.state === "snapshotting") this.#hold(end - start);
    else this.#scheduleFlush();
  }

  /** Ten times a second, and when something has happened that may let it go on. */
  tick(): void {
    const { job } = this;
    if (job.isOver) return;
    const nowMs = this.#ports.clock.nowMs();
    if (job.state === "failover-granted") {
      if (nowMs >= this.#pausedUntilMs && this.#ports.hearsMajority()) this.#claimAgain();
      return;
    }
    if (nowMs - job.heardAtMs > this.#ports.limits().timeoutMs) {
      this.fail("Timed out after too long with no interaction");
      return;
    }
    if (job.state === "waiting-to-snapshot") this.#begin();
    if (job.state === "waiting-to-pause") this.#pause();
    if (job.state === "failover-paused" && nowMs >= this.#pausedUntilMs) {
      this.fail("Timed out before streaming completed");
      return;
    }
    if (job.state === "failover-paused" && this.#isAsked) this.#grant();
    if (nowMs - this.#lastAckMs >= ACK_PERIOD_MS && TAKES_ACKS.has(job.state)) this.#say("ACK");
  }

  /** Slots may have other owners now. */
  ownersChanged(): void {
    if (this.job.isOver) return;
    const owner = this.#ports.owner();
    if (owner === "this node") return;
    if (owner === "the target" && this.job.state === "failover-granted") {
      this.#ports.relay();
      this.#end("success", "");
    } else this.fail("Slots are no longer owned by myself");
  }

  fail(message: string): void {
    this.#end("failed", message);
  }

  /** Gives it up. Once the target may take over, it is too late. */
  cancel(): void {
    if (this.job.state !== "failover-granted") this.#end("cancelled", "");
  }

  #signIn(): void {
    const { user, password } = this.#ports.credentials();
    if (password === "") {
      this.#establish();
      return;
    }
    this.#link?.write(encodeCommand(user === "" ? ["AUTH", password] : ["AUTH", user, password]));
    this.#enter("reading-auth-response");
  }

  #establish(): void {
    const { name, ranges, nodes } = this.job;
    const slots = ranges.flatMap(({ start, end }) => [start, end]);
    const request = ["SOURCE", nodes?.source ?? "", "NAME", name, "SLOTSRANGE", ...slots];
    this.#link?.write(encodeCommand(["CLUSTER", "SYNCSLOTS", "ESTABLISH", ...request]));
    this.#enter("reading-establish-response");
  }

  #receive(chunk: Buffer): void {
    // Whatever it says once it was allowed to, it may have taken over.
    if (this.job.isOver || this.job.state === "failover-granted") return;
    this.job.heardAtMs = this.#ports.clock.nowMs();
    try {
      this.#decoder.push(chunk);
      for (let value = this.#decoder.next(); value !== undefined && !this.job.isOver; value = this.#decoder.next()) {
        this.#heard(value);
      }
    } catch (error) {
      this.fail(`The target sent what is no reply: ${(error as Error).message}`);
    }
  }

  #heard(value: RespValue): void {
    const { state } = this.job;
    if (state === "reading-auth-response") {
      if (value instanceof RespError) this.fail(`Failed to AUTH to target node: ${value.message}`);
      else this.#establish();
    } else if (state === "reading-establish-response") {
      if (value instanceof RespError) this.fail(`Target node refused the slots: ${value.message}`);
      else this.#established();
    } else if (value instanceof RespError) this.fail(`The target could not go on: ${value.message}`);
    else if (Array.isArray(value)) this.#told(String(value[2]).toLowerCase());
  }

  #established(): void {
    this.#say("ACK");
    this.#enter("waiting-to-snapshot");
    this.#begin();
  }

  #told(verb: string): void {
    const { state } = this.job;
    if (verb === "request-pause" && state === "replicating") {
      this.#enter("waiting-to-pause");
      this.#pause();
    } else if (verb === "request-failover" && state === "failover-paused") {
      this.#isAsked = true;
      this.#grant();
    } else if (verb !== "ack") this.fail("Unexpected state machine transition");
  }

  #begin(): void {
    const link = this.#link;
    if (link === undefined) return;
    const snapshot = this.#ports.startSnapshot(link, {
      ended: () => this.#snapshotSent(),
      aborted: () => {
        this.#snapshot = undefined;
        this.fail("The snapshot was given up");
      },
    });
    if (snapshot === undefined) return;
    this.#snapshot = snapshot;
    this.#ports.listen(true);
    this.#enter("snapshotting");
  }

  #snapshotSent(): void {
    this.#snapshot?.finish();
    this.#snapshot = undefined;
    if (this.job.isOver) return;
    this.#say("SNAPSHOT-EOF");
    this.#enter("replicating");
    this.#heldBytes = 0;
    this.#flush();
  }

  /** Holds writes back as soon as little enough is on its way. */
  #pause(): void {
    this.#flush();
    const { pauseBelowBytes, pauseMs } = this.#ports.limits();
    if (this.remainingBytes > pauseBelowBytes || !this.#ports.mayHoldWrites()) return;
    this.#pausedUntilMs = this.#ports.clock.nowMs() + pauseMs;
    this.#ports.holdWrites(true);
    this.#say("PAUSED");
    this.#enter("failover-paused");
  }

  #grant(): void {
    const nowMs = this.#ports.clock.nowMs();
    if (nowMs >= this.#pausedUntilMs) {
      this.fail("Unpaused before failover completed");
      return;
    }
    if (!this.#ports.isTargetUpToDate()) return;
    this.#pausedUntilMs = nowMs + this.#ports.limits().pauseMs;
    this.#flush();
    this.#ports.listen(false);
    this.#ports.give(true);
    this.#say("FAILOVER-GRANTED");
    this.#enter("failover-granted");
  }

  #claimAgain(): void {
    this.#ports.claim();
    this.fail("The target did not take over in time; this node has claimed the slots again");
  }

  #closed(): void {
    this.#link = undefined;
    // The target may have taken over before: the bus tells.
    if (this.job.isOver || this.job.state === "failover-granted") return;
    this.fail("Connection lost to target. Check CLUSTER GETSLOTMIGRATIONS on the target node for more information.");
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#isTooMuch(this.#heldBytes)) this.fail("Too many changes during the snapshot");
  }

  #isTooMuch(bytes: number): boolean {
    const { maxHeldBytes } = this.#ports.limits();
    return maxHeldBytes > 0 && bytes > maxHeldBytes;
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#ports.soon(() => {
      this.#isFlushScheduled = false;
      this.#flush();
      if (this.#isTooMuch(this.remainingBytes)) this.fail("The target does not take changes as fast as they come");
    });
  }

  #flush(): void {
    if (this.job.isOver || this.job.state === "snapshotting") return;
    for (const bytes of this.#batch.take()) this.#link?.write(bytes);
  }

  #say(verb: string): void {
    this.#lastAckMs = this.#ports.clock.nowMs();
    this.#flush();
    this.#link?.write(encodeCommand(["CLUSTER", "SYNCSLOTS", verb]));
  }

  #enter(state: JobState): void {
    this.#ports.logger.notice(`Slot migration: ${this.job}: ${state}`);
    this.job.enter(state, this.#ports.clock.nowMs());
  }

  #end(state: FinalState, message: string): void {
    if (this.job.isOver) return;
    this.#enter(state);
    this.job.message = message;
    if (message !== "") this.#ports.logger.warning(`Slot migration: ${this.job}: ${message}`);
    this.#ports.listen(false);
    const snapshot = this.#snapshot;
    this.#snapshot = undefined;
    snapshot?.abort();
    this.#ports.holdWrites(false);
    this.#ports.give(false);
    this.#link?.destroy();
    this.#link = undefined;
    this.#batch.take();
    this.#heldBytes = 0;
  }
}

/** In the middle of a snapshot nothing may come between its bytes. */
const TAKES_ACKS: ReadonlySet<JobState> = new Set([
  "waiting-to-snapshot",
  "replicating",
  "waiting-to-pause",
  "failover-paused",
]);
