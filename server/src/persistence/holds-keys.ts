/**
 * Whether an RDB file has any key, known from its first bytes: a database is named only before keys of it, and what comes before
 * is small but for the sources of functions.
 */

import type { Disk } from "../platform/disk.ts";
import { loadRdbFileNow } from "./rdb-loader.ts";
import type { RdbHandler } from "./rdb-reader.ts";

/** Ends the reading. */
class KeyFound extends Error {}

const found = (): never => {
  throw new KeyFound();
};
const ignore = (): void => undefined;

const HANDLER: RdbHandler = {
  ...{ aux: ignore, library: ignore, selectDatabase: found, resize: found },
  ...{ string: found, packed: found, begin: found, element: found, member: found, field: found, end: found },
  streams: { block: found, facts: found, group: found, pending: found, consumer: found, own: found },
};

/** Throws what is wrong with a file that is damaged before its first key. */
export function holdsKeys(disk: Disk, file: string): boolean {
  try {
    loadRdbFileNow(disk, file, { handler: HANDLER, verifyChecksum: true });
    return false;
  } catch (error) {
    if (error instanceof KeyFound) return true;
    throw error;
  }
}
