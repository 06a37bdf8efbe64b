/**
 * Reading and writing many sockets in one call. Node calls into JavaScript once for each socket that has data and makes a
 * request for each write, which is more than parsing costs (docs/decisions/0009-sockets-in-batches.md). Here a small
 * native part (native/socket-batch.c) reads all sockets that are ready into one buffer and reports them in one call.
 *
 * The sockets stay Node's. It only gets to hear of the end of a stream or an error, as if it had been reading all along, and
 * writes what the kernel did not take at once. Where the native part is not built, there is no batch and Node does it all.
 */

import { loadNativePart } from "../platform/native-part.ts";

/** Whose bytes they are. */
export interface BatchedReader {
  /** `buffer[start..end)`, valid only during the call. */
  receive(buffer: Buffer, start: number, end: number): void;
  /** The stream is at its end or broken: from now on Node is to read, and will find out how. */
  ended(): void;
}

export interface TurnListener {
  /** Before the sockets that are ready are reported, and when they have been. */
  beginTurn(): void;
  endTurn(): void;
  /** The end of a turn is dear just now: those that have become ready meanwhile are to be part of it. */
  readonly gathers: boolean;
}

export interface SocketBatch {
  /** Reports what comes from this descriptor until its stream ends or it is closed. */
  watch(descriptor: number, reader: BatchedReader): void;
  /** Whether sockets are being reported just now. */
  readonly isInTurn: boolean;
  turnListener: TurnListener;
  /** Calls back once all sockets of this turn were reported. One callback a turn: the last one given. */
  atEndOfTurn(callback: () => void): void;
  /**
   * Sends rows of (descriptor, start, end) of a buffer; in place of each descriptor comes how many bytes the kernel took.
   * No descriptor may be there twice.
   */
  send(buffer: Buffer, rows: Int32Array, count: number): void;
  close(): void;
}

/** What native/socket-batch.c gives. A batch is an opaque object. */
export interface NativeSocketBatch {
  create(buffer: Buffer, rows: Int32Array, ready: (count: number) => boolean): unknown;
  watch(batch: unknown, descriptor: number): void;
  unwatch(batch: unknown, descriptor: number): void;
  send(buffer: Buffer, rows: Int32Array, count: number): void;
  close(batch: unknown): void;
}

/** A row is (descriptor, start, end). */
export const ROW = 3;
/** Sockets that the native part reads in one turn, and the room that they share: untouched pages cost nothing. */
const MOST_READY = 128;
const READ_BYTES = 2 << 20;

/** Undefined, with the reason told, where the native part is missing. */
export function loadSocketBatch(unavailable: (reason: string) => void): SocketBatch | undefined {
  const native = loadNativePart<NativeSocketBatch>("socket-batch", unavailable);
  return native === undefined ? undefined : new NodeSocketBatch(native);
}

export class NodeSocketBatch implements SocketBatch {
  readonly #native: NativeSocketBatch;
  readonly #batch: unknown;
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #rows = new Int32Array(MOST_READY * ROW);
  /** By descriptor. One that was closed stays until its number comes again: its reader hears nothing more. */
  readonly #readers: (BatchedReader | undefined)[] = [];
  #endOfTurn: (() => void) | undefined;
  isInTurn = false;
  turnListener: TurnListener = { beginTurn: () => undefined, endTurn: () => undefined, gathers: false };

  constructor(native: NativeSocketBatch) {
    this.#native = native;
    this.#batch = native.create(this.#buffer, this.#rows, (count) => this.#turn(count));
  }

  watch(descriptor: number, reader: BatchedReader): void {
    this.#native.watch(this.#batch, descriptor);
    while (this.#readers.length <= descriptor) this.#readers.push(undefined);
    this.#readers[descriptor] = reader;
  }

  atEndOfTurn(callback: () => void): void {
    this.#endOfTurn = callback;
  }

  send(buffer: Buffer, rows: Int32Array, count: number): void {
    this.#native.send(buffer, rows, count);
  }

  close(): void {
    this.#native.close(this.#batch);
  }

  /** What has been read must reach its reader whatever another one throws: nobody would read it again. */
  #turn(count: number): boolean {
    const faults: unknown[] = [];
    this.isInTurn = true;
    this.turnListener.beginTurn();
    for (let row = 0; row < count * ROW; row += ROW) {
      try {
        this.#report(row);
      } catch (fault) {
        faults.push(fault);
      }
    }
    this.isInTurn = false;
    this.turnListener.endTurn();
    if (count > 0 && faults.length === 0 && this.turnListener.gathers) return true;
    const finish = this.#endOfTurn;
    this.#endOfTurn = undefined;
    finish?.();
    if (faults.length > 0) throw faults[0];
    return false;
  }

  #report(row: number): void {
    const descriptor = this.#rows[row] as number;
    const end = this.#rows[row + 2] as number;
    const reader = this.#readers[descriptor];
    if (end > 0) {
      reader?.receive(this.#buffer, this.#rows[row + 1] as number, end);
      return;
    }
    this.#readers[descriptor] = undefined;
    this.#native.unwatch(this.#batch, descriptor);
    reader?.ended();
  }
}
