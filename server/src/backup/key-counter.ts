/** Counts the keys of an RDB file as it is read, and keeps nothing. */

import type { RdbHandler } from "../persistence/rdb-reader.ts";
import type { StreamHandler } from "../persistence/stream-reader.ts";

export class KeyCounter implements RdbHandler {
  keys = 0;
  readonly streams: StreamHandler = {
    block: () => undefined,
    facts: () => undefined,
    group: () => undefined,
    pending: () => undefined,
    consumer: () => undefined,
    own: () => undefined,
  };

  string(): void {
    this.keys++;
  }

  packed(): boolean {
    this.keys++;
    return true;
  }

  end(): void {
    this.keys++;
  }

  aux(): void {
    // Not of interest, as all below.
  }

  library(): void {
    // Restored with the file, not counted.
  }

  selectDatabase(): void {
    // All databases count.
  }

  resize(): void {
    // A hint; the keys themselves are counted.
  }

  begin(): void {
    // Counted at its end.
  }

  element(): void {
    // Part of a key.
  }

  member(): void {
    // Part of a key.
  }

  field(): void {
    // Part of a key.
  }
}
