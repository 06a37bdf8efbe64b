/**
 * Which replies have to wait for the disk. With `appendfsync always` nothing is acknowledged that a crash could take back:
 * the replies of a connection that has written wait until the stream is synced up to there; others go on. With any policy
 * they wait as well while too much is on its way to the disk, which holds back those who write faster than it does.
 */

import type { AofWriter } from "./aof-writer.ts";

export interface WaitingReplies {
  /** `durable` has moved. */
  release(): void;
}

/** More than this on its way to the disk: writers wait. */
const TOO_MUCH_PENDING_BYTES = 64 << 20;

export class DurableReplies {
  readonly #writer: AofWriter;
  readonly #skipsSync: () => boolean;
  #waiting: WaitingReplies[] = [];
  /** Told each time that the file has got more, or that `durable` has moved, once the replies have gone. */
  released: () => void = () => undefined;

  /** Nothing is acknowledged that is not on the disk. A plain field: asked for each request. */
  isPromised = false;

  /** While `skipsSync` holds (`no-appendfsync-on-rewrite`) nothing is synced, so to be written is enough. */
  constructor(writer: AofWriter, skipsSync: () => boolean) {
    this.#writer = writer;
    this.#skipsSync = skipsSync;
  }

  /** What a reply given now would have to wait for; does not move while nobody has to wait. */
  get position(): number {
    const isHeld = this.isPromised || this.#writer.pendingBytes > TOO_MUCH_PENDING_BYTES;
    return isHeld ? this.#writer.position : 0;
  }

  get durable(): number {
    const { durable, filed } = this.#writer;
    return this.isPromised && this.#skipsSync() ? Math.max(durable, filed) : durable;
  }

  /** The file has got more. */
  wrote(): void {
    if (this.isPromised && this.#skipsSync()) this.release();
    else this.released();
  }

  /** `settle` would sync now: more requests could share that. */
  get gathers(): boolean {
    return this.#waiting.length === 0 && this.isPromised && this.#writer.settles;
  }

  /** Calls back once, the next time that `durable` moves. */
  wait(replies: WaitingReplies): void {
    this.#waiting.push(replies);
  }

  /** Where somebody waits already, this turn's replies come behind his: all go the long way. */
  settle(): void {
    if (this.#waiting.length === 0 && this.isPromised) this.#writer.settle();
  }

  release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const replies of waiting) replies.release();
    this.released();
  }
}
