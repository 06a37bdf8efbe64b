/**
 * Which replies have to wait for the append-only file. Nothing is acknowledged that it has not got: what a client has had its
 * answer for survives the end of the process under every policy, and with `appendfsync always` that of the machine. The replies
 * of a connection that has written wait until the stream is written, or synced, up to there; others go on. Mostly nobody
 * waits, because the file has it at the end of the turn, before replies leave.
 *
 * While there is no base yet nothing is promised, but too much on its way to the disk holds back those who write faster than
 * it does.
 */

import type { AofWriter } from "./aof-writer.ts";

export interface WaitingReplies {
  /** `kept` has moved. */
  release(): void;
}

/** More than this on its way to the disk: writers wait. */
const TOO_MUCH_PENDING_BYTES = 64 << 20;

export class DurableReplies {
  readonly #writer: AofWriter;
  readonly #skipsSync: () => boolean;
  #waiting: WaitingReplies[] = [];
  /** Told before replies are released: whatever of the same clients waits for the end of the turn comes behind them. */
  releasing: () => void = () => undefined;
  /** Told each time that the file has got more, or that more of it is on the disk, once the replies have gone. */
  released: () => void = () => undefined;

  /** There is a file to be waited for. A plain field: asked for each request. */
  #isPromised = false;
  /** And it has to be synced. */
  #isSynced = false;
  /** What came before is still promised, though there is no base now. */
  #promisedUpTo = 0;

  /** While `skipsSync` holds (`no-appendfsync-on-rewrite`) nothing is synced, so to be written is enough. */
  constructor(writer: AofWriter, skipsSync: () => boolean) {
    this.#writer = writer;
    this.#skipsSync = skipsSync;
  }

  /** `isPromised`: the file and its base are there; `isSynced`: to be written is not enough. */
  promise(isPromised: boolean, isSynced: boolean): void {
    if (this.#isPromised && !isPromised) this.#promisedUpTo = this.#writer.position;
    this.#isPromised = isPromised;
    this.#isSynced = isPromised && isSynced;
  }

  /** What a reply given now would have to wait for; does not move while nobody has to wait. */
  get position(): number {
    const isHeld = this.#isPromised || this.#writer.pendingBytes > TOO_MUCH_PENDING_BYTES;
    return isHeld ? this.#writer.position : 0;
  }

  /** Up to where replies may leave. */
  get kept(): number {
    const { durable, filed, written } = this.#writer;
    if (this.#awaitsSync) return durable;
    const isNothingPromised = !this.#isPromised && filed >= this.#promisedUpTo;
    return Math.max(durable, isNothingPromised ? written : filed);
  }

  get #awaitsSync(): boolean {
    return this.#isSynced && !this.#skipsSync();
  }

  /** The file has got more. */
  wrote(): void {
    if (this.#awaitsSync) this.released();
    else this.release();
  }

  /** `settle` would sync now: more requests could share that. */
  get gathers(): boolean {
    return this.#waiting.length === 0 && this.#isSynced && this.#writer.settles;
  }

  /** Calls back once, the next time that `kept` moves. */
  wait(replies: WaitingReplies): void {
    this.#waiting.push(replies);
  }

  /** Where somebody waits for a sync already, all go the long way: more can share the next. */
  settle(): void {
    if (this.#waiting.length === 0 || !this.#isSynced) this.#writer.settle();
  }

  release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 0) this.releasing();
    for (const replies of waiting) replies.release();
    this.released();
  }
}
