/** DEBUG RELOAD: the data as it is after a save and a load, or beside what there is, in one go. */

import type { Config } from "../config/config.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Disk } from "../platform/disk.ts";
import type { KeyspaceLoader } from "./keyspace-loader.ts";
import { loadRdbFileNow } from "./rdb-loader.ts";

export interface ReloadRequest {
  readonly saves: boolean;
  /** What is there stays. */
  readonly keeps: boolean;
  /** Keys and libraries of the file take the place of those that are there; else such a one is an error. */
  readonly merges: boolean;
}

/** What is asked of the persistence of the data. */
interface Data {
  readonly snapshotFile: string;
  abort(): void;
  saveNow(): string | undefined;
  empty(): void;
  createLoader(replaces: boolean): KeyspaceLoader;
}

interface ReloadParts {
  readonly keyspace: Keyspace;
  readonly disk: Disk;
  readonly config: Config;
}

/** Gives what went wrong. */
export function reload(data: Data, parts: ReloadParts, request: ReloadRequest): string | undefined {
  const { keyspace, disk, config } = parts;
  data.abort();
  const problem = request.saves ? data.saveNow() : undefined;
  if (problem !== undefined) return problem;
  if (!request.keeps) data.empty();
  keyspace.ignoresExpiry = true;
  const handler = data.createLoader(request.merges);
  try {
    const isThere = loadRdbFileNow(disk, data.snapshotFile, { handler, verifyChecksum: config.get("rdbchecksum") });
    return isThere ? undefined : `There is no file "${data.snapshotFile}"`;
  } catch (reason) {
    return reason instanceof Error ? reason.message : String(reason);
  } finally {
    handler.abort();
    keyspace.ignoresExpiry = false;
  }
}
