/**
 * Files that become the data: at start, as the head of an append-only file, and for a full sync. A full sync drops the data
 * at hand first, or leaves it alone until the other data is whole: that is loaded into the spare databases then, and takes
 * over at once together with its libraries of functions. Where that fails or is given up, nothing has happened.
 */

import type { Config } from "../config/config.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { LoadingFacts } from "../observability/facts.ts";
import type { Logger } from "../observability/logger.ts";
import type { Clock } from "../platform/clock.ts";
import type { Disk } from "../platform/disk.ts";
import type { Collections } from "../values/collections.ts";
import type { AppendOnly } from "./aof/append-only.ts";
import { KeyspaceLoader, type KeyspaceLoaderOptions } from "./keyspace-loader.ts";
import { type LoadProgress, loadRdbFile } from "./rdb-loader.ts";

/** What becomes of the data at hand while a full sync is loaded. What is kept is served again only if the load fails. */
export type OldData = "dropped" | "kept" | "served";

export interface LibraryStore {
  sources(): readonly Buffer[];
  /** Throws what is wrong with it. One with its name is an error, unless it is to be replaced. */
  take(source: Buffer, isReplacing: boolean): void;
  /** These and no others; throws what is wrong with them, and has changed nothing then. */
  replaceAll(sources: readonly Buffer[]): void;
  flush(): void;
}

export interface DataLoadingOptions {
  readonly keyspace: Keyspace;
  readonly collections: Collections;
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly disk: Disk;
  /** The append-only file has to know when other data takes the place of ours. */
  readonly appendOnly: () => Pick<AppendOnly, "suspend" | "resume">;
  /** The libraries of functions, which belong to the data. */
  readonly libraries: () => LibraryStore;
  /** All data is gone, to make room for other data. */
  readonly emptied: () => void;
  /** Other data has taken the place of ours at one moment. */
  readonly replaced: () => void;
  /** A script was put aside that has not ended: what it sees is to be one data set. */
  readonly isHeldUp: () => boolean;
}

interface LoadedFile {
  readonly auxFields: ReadonlyMap<string, string>;
  /** How long the snapshot is. */
  readonly bytes: number;
}

interface FileLoad {
  readonly isCancelled?: () => boolean;
  /** The load that this file is a part of. */
  readonly within?: LoadProgress;
  /** Where its content goes while the data at hand stays. */
  readonly beside?: Pick<KeyspaceLoaderOptions, "databases" | "takeLibrary">;
}

/** Old data is freed in slices of this, so that clients get their answers meanwhile. */
const RECLAIM_SLICE_MS = 5;
/** The same for a load beside data that is served. */
const SERVING_BURST_US = 2000;
const GIVEN_UP = "It was given up";

export class DataLoading {
  readonly #options: DataLoadingOptions;
  readonly #abortSnapshot: () => void;
  /** Loads come one after another; only the latest is wanted. */
  #last: Promise<void> = Promise.resolve();
  #turn = 0;
  /** Of the load under way, and of the latest that was asked for, which may have to wait for the end of that. */
  #oldData: OldData = "dropped";
  #latestOldData: OldData = "dropped";
  /** The data went to make room for a snapshot of the primary that has not been loaded whole. */
  #isDataGone = false;
  progress: LoadProgress | undefined;
  lastKeys = 0;
  lastExpiredKeys = 0;

  constructor(options: DataLoadingOptions, abortSnapshot: () => void) {
    this.#options = options;
    this.#abortSnapshot = abortSnapshot;
  }

  get isUnderWay(): boolean {
    return this.progress !== undefined;
  }

  /** A load is under way, and the data that it is to replace is served. */
  get isBesideServedData(): boolean {
    return this.#oldData === "served";
  }

  /** What is in memory is no data set, or a part of one. */
  get isDataIncomplete(): boolean {
    return (this.isUnderWay && this.#oldData === "dropped") || (this.#isDataGone && this.#options.keyspace.isReplica);
  }

  /** This server is a primary now: what is here is the data set, whatever was to come. */
  accept(): void {
    this.#isDataGone = false;
  }

  facts(): LoadingFacts | undefined {
    return this.progress && { ...this.progress, isServing: this.isBesideServedData };
  }

  /** Loads the file into what is there; undefined if there is none. Rejects, with the place, if it cannot be loaded whole. */
  async load(
    file: string,
    { isCancelled = () => false, within, beside }: FileLoad = {},
  ): Promise<LoadedFile | undefined> {
    const { disk, clock, config, keyspace, logger } = this.#options;
    const loader = this.createLoader(beside === undefined ? {} : beside);
    const startedAtMs = clock.nowMs();
    let bytes: number | undefined;
    const ignoreExpiry = (isOn: boolean): void => {
      keyspace.ignoresExpiry = isOn;
    };
    // Between the steps of a load beside it, the data is served as ever.
    if (beside === undefined) ignoreExpiry(true);
    try {
      bytes = await loadRdbFile({
        ...{ disk, clock, file, handler: loader, isCancelled },
        keyDelayUs: () => config.get("key-load-delay"),
        keysLoaded: () => loader.keysLoaded,
        verifyChecksum: config.get("rdbchecksum"),
        ...(within === undefined ? {} : { within }),
        ...(beside === undefined ? {} : { around: ignoreExpiry, burstUs: SERVING_BURST_US }),
        started: (progress) => {
          this.progress = progress;
        },
      });
      if (bytes === undefined) return undefined;
    } finally {
      loader.abort();
      if (beside === undefined) {
        this.progress = within;
        ignoreExpiry(false);
      }
    }
    this.lastKeys = loader.keysLoaded;
    this.lastExpiredKeys = loader.keysExpired;
    logger.notice(`Done loading RDB, keys loaded: ${loader.keysLoaded}, keys expired: ${loader.keysExpired}.`);
    logger.notice(`DB loaded from disk: ${((clock.nowMs() - startedAtMs) / 1000).toFixed(3)} seconds`);
    return { auxFields: loader.auxFields, bytes };
  }

  /**
   * A full sync: the file takes the place of all data. Gives its aux fields; if it rejects, old data that was to be dropped is
   * gone, and any other is there as before.
   */
  async replaceBy(file: string, oldData: OldData): Promise<ReadonlyMap<string, string>> {
    const turn = ++this.#turn;
    this.#latestOldData = oldData;
    const isCancelled = (): boolean => turn !== this.#turn;
    const replace = oldData === "dropped" ? this.#replace : this.#replaceWhenWhole;
    const load = this.#last.then(() => replace.call(this, file, isCancelled, oldData));
    this.#last = load.then(
      () => undefined,
      () => undefined,
    );
    return load;
  }

  /** The full sync asked for last is not wanted any more. Where our data has gone to make room for it, it goes on. */
  giveUp(): void {
    if (this.#latestOldData === "dropped") return;
    this.#turn++;
    if (this.#oldData !== "dropped") this.#endBeside();
  }

  /** What puts the keys of an RDB stream into the keyspace, beside what is there or, where it is the same, in its place. */
  createLoader(options: Pick<KeyspaceLoaderOptions, "databases" | "takeLibrary" | "replaces"> = {}): KeyspaceLoader {
    const { keyspace, collections, clock, libraries } = this.#options;
    return new KeyspaceLoader({
      ...{ keyspace, collections, nowMs: clock.nowMs(), dropsExpired: !keyspace.isReplica },
      takeLibrary: (source) => libraries().take(source, options.replaces ?? false),
      ...options,
    });
  }

  forgetAll(): void {
    this.#options.keyspace.flushAll();
    this.#options.libraries().flush();
    this.#options.emptied();
  }

  async #replace(file: string, isCancelled: () => boolean): Promise<ReadonlyMap<string, string>> {
    const { clock, keyspace, appendOnly } = this.#options;
    this.#abortSnapshot();
    this.#isDataGone = true;
    appendOnly().suspend();
    this.progress = { startedAtMs: clock.nowMs(), totalBytes: 0, loadedBytes: 0 };
    this.forgetAll();
    try {
      // The old data first, or there would be room for both needed.
      await this.#reclaim();
      const aux = await this.#load(file, { isCancelled });
      this.#isDataGone = false;
      appendOnly().resume();
      return aux;
    } catch (reason) {
      this.forgetAll();
      // Promoted meanwhile: from now on that nothing is the data set.
      this.#isDataGone = keyspace.isReplica;
      throw reason;
    } finally {
      this.progress = undefined;
    }
  }

  async #replaceWhenWhole(
    file: string,
    isCancelled: () => boolean,
    oldData: OldData,
  ): Promise<ReadonlyMap<string, string>> {
    const { clock, keyspace, isHeldUp } = this.#options;
    if (isCancelled()) throw new Error(GIVEN_UP);
    this.#abortSnapshot();
    this.#oldData = oldData;
    this.progress = { startedAtMs: clock.nowMs(), totalBytes: 0, loadedBytes: 0 };
    const sources: Buffer[] = [];
    try {
      // What an earlier load has left, or there would be room for three needed.
      await this.#reclaim();
      if (isCancelled()) throw new Error(GIVEN_UP);
      const beside = { databases: keyspace.spare, takeLibrary: (source: Buffer) => void sources.push(source) };
      const aux = await this.#load(file, { isCancelled, beside });
      while (isHeldUp() && !isCancelled()) await nextTurn();
      if (isCancelled()) throw new Error(GIVEN_UP);
      this.#takeOver(sources);
      return aux;
    } finally {
      if (this.#oldData !== "dropped") this.#endBeside();
    }
  }

  /** In one go: nobody sees a part of the one and a part of the other. */
  #takeOver(sources: readonly Buffer[]): void {
    const { keyspace, libraries, appendOnly, replaced } = this.#options;
    // It alone may fail.
    libraries().replaceAll(sources);
    appendOnly().suspend();
    keyspace.spare.takeOver();
    this.#isDataGone = false;
    this.#endBeside();
    appendOnly().resume();
    replaced();
  }

  #endBeside(): void {
    this.#oldData = "dropped";
    this.progress = undefined;
    this.#options.keyspace.spare.empty();
  }

  async #load(file: string, how: FileLoad): Promise<ReadonlyMap<string, string>> {
    const loaded = await this.load(file, how);
    if (loaded === undefined) throw new Error(`Cannot load "${file}": it is gone`);
    return loaded.auxFields;
  }

  async #reclaim(): Promise<void> {
    while (!this.#options.keyspace.reclaim(RECLAIM_SLICE_MS)) await nextTurn();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
