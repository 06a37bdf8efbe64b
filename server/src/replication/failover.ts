/**
 * FAILOVER: hands the role of the primary over to a replica without losing a write. Writes are held back until the replica has
 * everything; then this node becomes its replica by a PSYNC that tells it to take over. If the time runs out before that, or it
 * refuses, this node is the primary again. Once it was told it may have taken over, so that no answer comes is no reason to
 * take the role back: only somebody who knows better may (FAILOVER ABORT).
 */

import type { Logger } from "../observability/logger.ts";
import type { Clock } from "../platform/clock.ts";
import type { ReplicaSession } from "./replica-session.ts";

export interface FailoverRequest {
  /** Undefined: the first replica that has everything. */
  readonly target: ReplicaSession | undefined;
  /** Hands over at the end of the time even to a replica that has not got everything. */
  readonly isForced: boolean;
  /** 0: for as long as it takes. */
  readonly timeoutMs: number;
}

export interface FailoverParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sessions: () => readonly ReplicaSession[];
  readonly addressOf: (session: ReplicaSession) => { readonly host: string; readonly port: number };
  readonly offset: () => number;
  readonly requestAcknowledgements: () => void;
  readonly pauseWrites: () => void;
  readonly unpause: () => void;
  /** Becomes a replica, and tells the new primary to take over. `ended`: whether it has, once it has answered. */
  readonly demote: (host: string, port: number, ended: (hasTakenOver: boolean) => void) => void;
  readonly promote: () => void;
}

export type FailoverState = "no-failover" | "waiting-for-sync" | "failover-in-progress";

export class Failover {
  readonly #parts: FailoverParts;
  #request: FailoverRequest | undefined;
  #endMs = 0;
  state: FailoverState = "no-failover";

  constructor(parts: FailoverParts) {
    this.#parts = parts;
  }

  get isUnderWay(): boolean {
    return this.#request !== undefined;
  }

  start(request: FailoverRequest): void {
    const { clock, logger, pauseWrites, requestAcknowledgements } = this.#parts;
    this.#request = request;
    this.#endMs = request.timeoutMs === 0 ? Number.POSITIVE_INFINITY : clock.nowMs() + request.timeoutMs;
    this.state = "waiting-for-sync";
    logger.notice("FAILOVER requested.");
    pauseWrites();
    requestAcknowledgements();
  }

  /** FAILOVER ABORT, or it cannot be. */
  abort(reason: string): void {
    if (this.#request === undefined) return;
    const isDemoted = this.state === "failover-in-progress";
    this.#parts.logger.warning(`Failover aborted: ${reason}`);
    this.#end();
    if (isDemoted) this.#parts.promote();
    this.#parts.unpause();
  }

  /** Ten times a second. */
  tick(): void {
    const request = this.#request;
    if (request === undefined || this.state === "failover-in-progress") return;
    const { clock, sessions, requestAcknowledgements } = this.#parts;
    if (request.target !== undefined && !sessions().includes(request.target)) {
      this.abort("the replica is gone");
      return;
    }
    const isLate = clock.nowMs() >= this.#endMs;
    const ready = this.#readyReplica(request);
    if (ready !== undefined) this.#handOver(ready, "has everything, handing over");
    else if (isLate && request.isForced && request.target !== undefined) {
      this.#handOver(request.target, "time out exceeded, failing over.");
    } else if (isLate) this.abort("no replica had everything in time");
    else requestAcknowledgements();
  }

  #readyReplica({ target }: FailoverRequest): ReplicaSession | undefined {
    const { sessions, offset } = this.#parts;
    const candidates = target === undefined ? sessions() : [target];
    return candidates.find(({ state, acknowledgedOffset }) => state === "online" && acknowledgedOffset === offset());
  }

  /** `why` ends the line of the log; Redis' tests look for its words. */
  #handOver(session: ReplicaSession, why: string): void {
    const { addressOf, demote, logger } = this.#parts;
    const { host, port } = addressOf(session);
    logger.notice(`Failover to ${host}:${port} ${why}`);
    this.state = "failover-in-progress";
    demote(host, port, (hasTakenOver) => {
      if (this.state !== "failover-in-progress") return;
      if (!hasTakenOver) {
        this.abort("Failover target rejected psync request");
        return;
      }
      this.#end();
      this.#parts.unpause();
    });
  }

  #end(): void {
    this.#request = undefined;
    this.state = "no-failover";
  }
}
