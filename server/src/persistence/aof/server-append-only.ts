/** Joins the append-only file to its server: where its settings, its snapshots and its disk come from, and the load at start. */

import { randomBytes } from "node:crypto";
import type { Config } from "../../config/config.ts";
import type { Logger } from "../../observability/logger.ts";
import { systemBackgroundDisk } from "../../platform/background-disk.ts";
import type { Clock } from "../../platform/clock.ts";
import { type Disk, systemDisk } from "../../platform/disk.ts";
import type { Persistence } from "../persistence.ts";
import type { SnapshotFileOptions } from "../snapshot-file.ts";
import { rdbForm } from "../snapshot-form.ts";
import { WorkerFileTarget } from "../worker-file-target.ts";
import { manifestToReplace, openManifest } from "./aof-directory.ts";
import type { KnowsCommand } from "./aof-frames.ts";
import { type AofStartOptions, createAppendOnly, loadAppendOnly } from "./aof-start.ts";
import { AppendOnly } from "./append-only.ts";
import { commandForm } from "./command-form.ts";
import { isRdbBase } from "./manifest.ts";

/** About what a change to another thread and back costs on busy cores; nobody notices so short a stall. */
const QUICK_SYNC_US = 1000;
/** Rarely longer even where the system is busy with other writes. */
const QUICK_WRITE_US = 20_000;
/** Rarer syncs gain little from a prepared file; and what is prepared, is room on the disk. */
const FREQUENT_SYNCS = 200;
const PREPARED_BYTES = 1 << 20;

export interface AppendOnlyParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly persistence: () => Persistence;
  /** Changes are being written that belong together: a new file must not begin between them. */
  readonly isInTransaction: () => boolean;
}

export function createServerAppendOnly(parts: AppendOnlyParts): AppendOnly {
  const { config, clock, logger, persistence, isInTransaction } = parts;
  const appendOnly = new AppendOnly({
    ...{ config, clock, logger, disk: systemBackgroundDisk, processId: process.pid },
    openDirectory(directory) {
      systemDisk.makeDirectory(directory);
      return systemDisk.list(directory);
    },
    schedule: (callback) => void setImmediate(callback),
    quickSyncUs: QUICK_SYNC_US,
    quickWriteUs: QUICK_WRITE_US,
    preparing: {
      stepBytes: PREPARED_BYTES,
      frequentSyncs: FREQUENT_SYNCS,
      key: () => randomBytes(8).toString("hex"),
    },
    isBusy: () => persistence().isBusy,
    mayBegin: () => persistence().mayBegin && !isInTransaction(),
    startSnapshot: (target, isRdb) => persistence().startSnapshot(target, true, isRdb ? rdbForm : commandForm),
    finishSnapshot: (job) => persistence().finishSnapshot(job),
    createFileTarget: (file, outcome) => new WorkerFileTarget({ file, ...outcome }),
  });
  config.onChange(["appendonly"], () => {
    if (config.get("appendonly")) return appendOnly.enable();
    void appendOnly.disable();
    return undefined;
  });
  return appendOnly;
}

export interface DataLoadParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly persistence: Persistence;
  readonly appendOnly: AppendOnly;
  readonly knows: KnowsCommand;
  readonly createApplier: AofStartOptions["createApplier"];
}

/**
 * Loads what is on the disk: the append-only file if it is on and there, else the snapshot. Gives the aux fields of a
 * snapshot that is all of the data. Rejects with the reason if what is there cannot be loaded whole.
 */
export async function loadData(parts: DataLoadParts): Promise<ReadonlyMap<string, string> | undefined> {
  const { config, logger, persistence, appendOnly } = parts;
  const options = startOptions(parts, systemDisk);
  if (!config.get("appendonly")) {
    appendOnly.replaceLater(manifestToReplace(options.place, logger));
    return persistence.load();
  }
  persistence.removeLeftovers();
  const files = await loadAppendOnly(options);
  if (files !== undefined) {
    persistence.forgetChanges();
    await appendOnly.begin(files);
    return undefined;
  }
  const aux = await persistence.load();
  await appendOnly.begin(createAppendOnly(options, aux === undefined ? undefined : persistence.snapshotFile));
  return aux;
}

/**
 * The data anew from the append-only file, with all that was written until now. Rejects if it cannot be loaded whole. The load
 * cuts the file to its data: nothing may be prepared ahead of that, or added, meanwhile.
 */
export async function loadAgain(parts: DataLoadParts): Promise<void> {
  const { persistence, appendOnly, clock } = parts;
  if (persistence.isLoading || persistence.isLoadingBeside) throw new Error("Other data is being loaded");
  if (openManifest(startOptions(parts, systemDisk).place, parts.logger) === undefined) throw new Error(NO_FILE);
  // From here on nobody may write, which would be lost, and no snapshot may begin: it would have a part of the data.
  persistence.loadProgress = { startedAtMs: clock.nowMs(), totalBytes: 0, loadedBytes: 0 };
  try {
    await appendOnly.atRest(async () => {
      persistence.empty();
      const files = await loadAppendOnly(startOptions(parts, systemDisk));
      if (files === undefined) throw new Error(NO_FILE);
    });
  } finally {
    persistence.loadProgress = undefined;
  }
  persistence.forgetChanges();
}

const NO_FILE = "There is no append-only file";

function startOptions(parts: DataLoadParts, disk: Disk): AofStartOptions {
  const { config, clock, logger, persistence, knows, createApplier } = parts;
  const place = {
    disk,
    dataDirectory: config.get("dir"),
    directoryName: config.get("appenddirname"),
    fileName: config.get("appendfilename"),
  };
  const file = (directory: string, name: string): SnapshotFileOptions => {
    return {
      directory,
      name,
      temporaryName: `temp-rewriteaof-bg-${process.pid}.aof`,
      checksum: isRdbBase(name) ? config.get("rdbchecksum") : undefined,
    };
  };
  return {
    ...{ place, clock, logger, knows, createApplier },
    allowsTruncated: config.get("aof-load-truncated"),
    loadSnapshot: (name, progress) => persistence.loadHead(name, progress),
    hasRdbBase: config.get("aof-use-rdb-preamble"),
    writeSnapshot: (directory, name) =>
      persistence.writeNow(file(directory, name), true, isRdbBase(name) ? rdbForm : commandForm),
    loading: (progress) => {
      persistence.loadProgress = progress;
    },
  };
}
