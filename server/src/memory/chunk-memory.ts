/** Where the arena's memory comes from, and where it goes. */

/** The system gave no memory, or a value is larger than any can be. */
export class OutOfMemoryError extends Error {
  override name = "OutOfMemoryError";
}

export interface ChunkMemory {
  /** At least so many bytes, all zero; undefined if the system refuses. */
  take(bytes: number): ArrayBufferLike | undefined;
  /** Nobody reads or writes it any more: views alone would keep it until the next collection of old objects. */
  giveBack(memory: ArrayBufferLike): void;
}

/** Memory of the engine's own. `release` frees it at once. */
export class EngineMemory implements ChunkMemory {
  readonly #release: (memory: ArrayBuffer) => void;

  constructor(release: (memory: ArrayBuffer) => void = (memory) => void memory.transfer(0)) {
    this.#release = release;
  }

  take(bytes: number): ArrayBufferLike | undefined {
    try {
      return new ArrayBuffer(bytes);
    } catch {
      return undefined;
    }
  }

  giveBack(memory: ArrayBufferLike): void {
    if (memory instanceof ArrayBuffer) this.#release(memory);
  }
}
