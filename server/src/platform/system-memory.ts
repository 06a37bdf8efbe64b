/**
 * Memory for data straight from the system, by a small native part (native/chunk-memory.c; the figures stand in
 * docs/decisions/0011-data-in-memory-of-the-system.md).
 *
 * V8 doesn't count it, so nothing ever makes V8 free it either: what is given back loses its pages at once, and its
 * addresses are kept for the next taker. Sizes are rounded up to eighths of a power of two so that there is one; what
 * is never touched costs nothing. So the addresses in use are bounded by the most that was ever held.
 */

import { loadNativePart } from "./native-part.ts";

/** What native/chunk-memory.c gives. */
export interface NativeChunkMemory {
  /** A whole number of pages, all zero; undefined if the system refuses, or in a Node.js before 24.9. */
  map(bytes: number): SharedArrayBuffer | undefined;
  /** Resolves, once the pages are gone, to whether all is zero. */
  clear(view: Uint8Array): Promise<boolean> | undefined;
}

const LEAST_BYTES = 64 * 1024;
const STEPS_PER_DOUBLING = 8;

export function loadSystemMemory(unavailable: (reason: string) => void): SystemMemory | undefined {
  const native = loadNativePart<NativeChunkMemory>("chunk-memory", unavailable);
  if (native === undefined) return undefined;
  const probe = native.map(LEAST_BYTES);
  if (probe !== undefined) return new SystemMemory(native);
  unavailable(`Node.js ${process.version} cannot share memory with it`);
  return undefined;
}

export class SystemMemory {
  readonly #native: NativeChunkMemory;
  /** Cleared and free, by size. */
  readonly #free = new Map<number, ArrayBufferLike[]>();

  constructor(native: NativeChunkMemory) {
    this.#native = native;
  }

  /** At least so many bytes, all zero; undefined if the system refuses. */
  take(bytes: number): ArrayBufferLike | undefined {
    const size = roundUp(bytes);
    return this.#free.get(size)?.pop() ?? this.#native.map(size);
  }

  /** Nobody reads or writes it any more. */
  giveBack(memory: ArrayBufferLike): void {
    void this.#clear(memory);
  }

  async #clear(memory: ArrayBufferLike): Promise<void> {
    if (!(await this.#native.clear(new Uint8Array(memory)))) return;
    const free = this.#free.get(memory.byteLength);
    if (free === undefined) this.#free.set(memory.byteLength, [memory]);
    else free.push(memory);
  }
}

function roundUp(bytes: number): number {
  const step = Math.max(LEAST_BYTES, 2 ** Math.floor(Math.log2(bytes)) / STEPS_PER_DOUBLING);
  return Math.ceil(bytes / step) * step;
}
