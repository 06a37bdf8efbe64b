/**
 * The append-only file on a disk that loses power: a small data set is written by the real code over a simulated disk whose
 * steps are taken one by one, at moments that chance decides; the disk fails at times; then the power goes and the data is
 * loaded again, several times over. What must hold: the data is that of some moment of the past, and no moment before
 * what the policy promises.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { Config } from "../../config/config.ts";
import { silentLogger } from "../../observability/logger.ts";
import { type BackgroundDisk, type BackgroundFile, backgroundOver } from "../../platform/background-disk.ts";
import { readTextFile } from "../../platform/disk.ts";
import { FakeClock } from "../../platform/fake-clock.ts";
import { MemoryDisk } from "../../platform/memory-disk.ts";
import { createSeededRandom, type Random } from "../../platform/random.ts";
import type { SnapshotOutcome } from "../persistence.ts";
import type { SnapshotFileOptions } from "../snapshot-file.ts";
import type { SnapshotJob } from "../snapshot-job.ts";
import type { SnapshotTarget } from "../snapshot-target.ts";
import { type AofStartOptions, createAppendOnly, loadAppendOnly } from "./aof-start.ts";
import { AppendOnly } from "./append-only.ts";

const DIRECTORY = "/data";
const ROUNDS = 3;
const MOST_STEPS = 120;
const MOST_KEYS = 6;
/** Of both policies: what is older is on the disk, as long as the disk does its part. */
const PROMISED_MS = 2000;
const TICK_MS = 100;
const SNAPSHOT_MAGIC = "REDIS";
const FILLER = "#".repeat(100);

/** Steps of the disk that were asked for and not taken. */
class SteppedDisk implements BackgroundDisk {
  readonly #disk: BackgroundDisk;
  readonly #waiting: (() => void)[] = [];

  constructor(disk: MemoryDisk) {
    this.#disk = backgroundOver(disk);
  }

  get hasSteps(): boolean {
    return this.#waiting.length > 0;
  }

  step(): void {
    this.#waiting.shift()?.();
  }

  async create(file: string): Promise<BackgroundFile> {
    return this.#stepped(await this.#later(() => this.#disk.create(file)));
  }

  async openToAppend(file: string): Promise<BackgroundFile> {
    return this.#stepped(await this.#later(() => this.#disk.openToAppend(file)));
  }

  replace(file: string, temporary: string, text: string): Promise<void> {
    return this.#later(() => this.#disk.replace(file, temporary, text));
  }

  remove(file: string): Promise<void> {
    return this.#later(() => this.#disk.remove(file));
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#later(() => this.#disk.makeDirectory(directory));
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#later(() => this.#disk.syncDirectory(directory));
  }

  #stepped(file: BackgroundFile): BackgroundFile {
    return {
      get sizeBytes() {
        return file.sizeBytes;
      },
      append: (pieces, behind) => this.#later(() => file.append(pieces, behind)),
      appendNow: (pieces, behind) => file.appendNow(pieces, behind),
      syncNow: () => file.syncNow(),
      truncate: (sizeBytes) => this.#later(() => file.truncate(sizeBytes)),
      sync: () => this.#later(() => file.sync()),
      writeAhead: (pieces, position) => this.#later(() => file.writeAhead(pieces, position)),
      syncAhead: () => this.#later(() => file.syncAhead()),
      close: () => this.#later(() => file.close()),
    };
  }

  #later<T>(step: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => void step().then(resolve, reject));
    });
  }
}

interface Written {
  readonly key: string;
  readonly value: string;
  /** Position of the stream behind it. */
  readonly position: number;
}

export interface PowerCutReport {
  readonly writes: number;
  readonly cuts: number;
  readonly rewrites: number;
  /** Writes that were durable before the power went. */
  readonly promised: number;
  /** Lives that ended after a time in which everything had to become durable. */
  readonly stoodStill: number;
  /** Cuts that left a file with filler, and files that were found torn. */
  readonly filled: number;
  readonly torn: number;
}

/** Runs one seed; throws with what was lost. */
export async function simulatePowerCuts(seed: number): Promise<PowerCutReport> {
  const simulation = new Simulation(seed);
  return simulation.run();
}

class Simulation {
  readonly #random: Random;
  readonly #disk = new MemoryDisk();
  readonly #clock = new FakeClock();
  readonly #policy: "always" | "everysec";
  /** Everything that was ever written, and how much of that is known to have survived. */
  #history: Written[] = [];
  #promised = 0;
  #data = new Map<string, string>();
  #report = { writes: 0, cuts: 0, rewrites: 0, promised: 0, stoodStill: 0, filled: 0, torn: 0 };

  constructor(seed: number) {
    this.#random = createSeededRandom(seed);
    this.#policy = this.#random.below(2) === 0 ? "always" : "everysec";
  }

  async run(): Promise<PowerCutReport> {
    for (let round = 0; round < ROUNDS; round++) {
      await this.#live();
      this.#disk.cutPowerAtRandom(this.#random);
      this.#report.cuts++;
      if (this.#files().some((file) => readTextFile(this.#disk, file).includes(FILLER))) this.#report.filled++;
    }
    this.#report.torn = this.#files().filter((file) => file.includes(".torn-at-")).length;
    await this.#load();
    return this.#report;
  }

  #files(): string[] {
    const directory = `${DIRECTORY}/appendonlydir`;
    return this.#disk.list(directory).map((name) => `${directory}/${name}`);
  }

  /** Starts, and runs until the power goes, which may be at once. */
  async #live(): Promise<void> {
    const files = await this.#load();
    const stepped = new SteppedDisk(this.#disk);
    const server = new SimulatedServer({
      ...{ stepped, disk: this.#disk, clock: this.#clock, random: this.#random, policy: this.#policy },
      data: () => this.#data,
    });
    const begun = server.appendOnly.begin(files);
    let isOn = false;
    begun.then(
      () => {
        isOn = true;
      },
      () => undefined,
    );
    const steps = this.#random.below(MOST_STEPS);
    for (let step = 0; step < steps; step++) {
      this.#clock.advance(this.#random.below(4) === 0 ? this.#random.below(1500) : 0);
      this.#act(server, isOn);
      if (this.#random.below(3) > 0) stepped.step();
      await settle();
      this.#notePromises(server);
    }
    if (isOn && this.#random.below(3) === 0) await this.#standStill(server, stepped);
    this.#report.rewrites += server.snapshots;
    this.#recountPositions();
  }

  /** Nothing is written, the disk does at once what it is asked for, and the time goes by in which all must be durable. */
  async #standStill(server: SimulatedServer, stepped: SteppedDisk): Promise<void> {
    const { appendOnly } = server;
    this.#disk.freeBytes = 1e9;
    this.#disk.syncError = undefined;
    if (appendOnly.writeProblem !== undefined) return;
    const { position } = appendOnly;
    for (let ms = 0; ms < PROMISED_MS; ms += TICK_MS) {
      this.#clock.advance(TICK_MS);
      appendOnly.tick();
      server.takeSnapshotStep();
      await settle();
      while (stepped.hasSteps) {
        stepped.step();
        await settle();
      }
    }
    this.#notePromises(server);
    // A sync that had failed for the filler ahead was told of only now.
    if (appendOnly.writeProblem !== undefined) return;
    if (appendOnly.durable < position) {
      throw new Error(
        `${this.#policy}: ${position} bytes are ${PROMISED_MS} ms old, ${appendOnly.durable} are durable`,
      );
    }
    this.#report.stoodStill++;
  }

  #act({ appendOnly, takeSnapshotStep }: SimulatedServer, isOn: boolean): void {
    const choice = this.#random.below(20);
    if (choice < 9 && isOn && appendOnly.writeProblem === undefined) this.#write(appendOnly);
    else if (choice < 13) takeSnapshotStep();
    else if (choice < 14) appendOnly.rewrite(true);
    else if (choice < 17) appendOnly.tick();
    else if (choice === 17) this.#disk.freeBytes = this.#random.below(3) === 0 ? this.#random.below(200) : 1e9;
    else if (choice === 18) this.#disk.syncError = this.#random.below(3) === 0 ? "EIO" : undefined;
  }

  #write(appendOnly: AppendOnly): void {
    const isTransaction = this.#random.below(6) === 0;
    const count = isTransaction ? 2 : 1;
    const commands: [string, string][] = [];
    for (let i = 0; i < count; i++) {
      const value = `${this.#history.length + i}:${"v".repeat(this.#random.below(300))}`;
      commands.push([`k${this.#random.below(MOST_KEYS)}`, value]);
    }
    const frames = commands.map(([key, value]) => encodeCommand(["SET", key, value]));
    if (isTransaction) frames.splice(0, 0, encodeCommand(["MULTI"]));
    if (isTransaction) frames.push(encodeCommand(["EXEC"]));
    for (const frame of frames) appendOnly.stream.feed(0, frame, 0, frame.length);
    for (const [key, value] of commands) {
      this.#data.set(key, value);
      this.#history.push({ key, value, position: appendOnly.position });
    }
    this.#report.writes += count;
  }

  /** With `always` this is what clients have had their answers for; with `everysec` it comes by itself, a second later. */
  #notePromises({ appendOnly }: SimulatedServer): void {
    const isPromised = (written: Written | undefined): boolean =>
      written !== undefined && written.position <= appendOnly.durable;
    while (isPromised(this.#history[this.#promised])) {
      this.#promised++;
      this.#report.promised++;
    }
  }

  /** Positions belong to one life of the server. */
  #recountPositions(): void {
    this.#history = this.#history.map((written) => ({ ...written, position: Number.POSITIVE_INFINITY }));
  }

  /** Loads what the disk has, and compares it with the past. */
  async #load() {
    const data = new Map<string, string>();
    const options = startOptions(this.#disk, this.#clock, data);
    const loaded = await loadAppendOnly(options);
    this.#compare(data);
    this.#data = data;
    return loaded ?? createAppendOnly(options, undefined);
  }

  /**
   * The format has no checksums: a hole that lies within one value, of a write that was never acknowledged, goes unnoticed, here
   * as in Redis. Such a value may differ in its zeros.
   */
  #compare(data: ReadonlyMap<string, string>): void {
    const state = new Map<string, { readonly value: string; readonly index: number }>();
    const isSame = (): boolean =>
      state.size === data.size &&
      [...state].every(([key, { value, index }]) => {
        const found = data.get(key) ?? "";
        return found === value || (index >= this.#promised && isWithHoles(found, value));
      });
    for (let count = 0; count <= this.#history.length; count++) {
      if (count > 0) {
        const { key, value } = this.#history[count - 1] as Written;
        state.set(key, { value, index: count - 1 });
      }
      if (count < this.#promised || !isSame()) continue;
      // What came after this moment is gone for good.
      this.#history.length = count;
      this.#promised = count;
      for (const [key, value] of data) this.#asLoaded(key, value);
      return;
    }
    throw new Error(
      `${this.#policy}: ${this.#promised} of ${this.#history.length} writes were promised, but what was loaded is of no moment since: ${describe(data)}`,
    );
  }

  #asLoaded(key: string, value: string): void {
    const index = this.#history.findLastIndex((written) => written.key === key);
    const written = this.#history[index];
    if (written !== undefined) this.#history[index] = { ...written, value };
  }
}

function isWithHoles(found: string, value: string): boolean {
  return found.length === value.length && [...found].every((letter, i) => letter === "\0" || letter === value[i]);
}

function describe(data: ReadonlyMap<string, string>): string {
  return JSON.stringify([...data].map(([key, value]) => `${key}=${value.split(":")[0]}`));
}

/** Lets everything happen that waits for nothing but its turn. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface SimulatedServerParts {
  readonly stepped: SteppedDisk;
  readonly disk: MemoryDisk;
  readonly clock: FakeClock;
  readonly random: Random;
  readonly policy: "always" | "everysec";
  readonly data: () => ReadonlyMap<string, string>;
}

/** What the append-only file sees of a server: a data set that snapshots are made of, one at a time and bit by bit. */
class SimulatedServer {
  readonly appendOnly: AppendOnly;
  snapshots = 0;
  #target: SnapshotTarget | undefined;
  #unwritten: Buffer[] = [];

  constructor({ stepped, disk, clock, random, policy, data }: SimulatedServerParts) {
    const config = new Config({ resolveDirectory: (to) => to, workingDirectory: DIRECTORY });
    config.assign("appendonly", true);
    config.assign("appendfsync", policy);
    this.appendOnly = new AppendOnly({
      ...{ config, clock, logger: silentLogger, disk: stepped, processId: random.below(1000) },
      openDirectory: (directory) => disk.list(directory),
      schedule: (callback) => void setImmediate(callback),
      // No time goes by in a sync here: either all are quick, or none is.
      quickSyncUs: random.below(2),
      // Small enough for data to reach its end, and for a life to prepare more than once.
      preparing: { stepBytes: 1024, frequentSyncs: random.below(3), key: () => random.hex(16) },
      isBusy: () => this.#target !== undefined,
      mayBegin: () => this.#target === undefined,
      startSnapshot: (target) => {
        this.snapshots++;
        this.#target = target;
        this.#unwritten = snapshotOf(data());
        return { abort: () => this.#abort() } as unknown as SnapshotJob;
      },
      finishSnapshot: () => this.#abort(),
      createFileTarget: (file, outcome) => createTarget(disk, file, outcome),
    });
  }

  /** Another piece of the snapshot, or its end. */
  readonly takeSnapshotStep = (): void => {
    const target = this.#target;
    if (target === undefined) return;
    const piece = this.#unwritten.shift();
    if (piece !== undefined) target.exchange(piece, piece.length);
    else target.end();
  };

  #abort(): void {
    const target = this.#target;
    this.#target = undefined;
    target?.abort();
  }
}

/** As the real one: a temporary file, synced, renamed, its directory synced. */
function createTarget(disk: MemoryDisk, file: SnapshotFileOptions, outcome: SnapshotOutcome): SnapshotTarget {
  const temporary = `${file.directory}/${file.temporaryName}`;
  let isOver = false;
  const attempt = (action: () => void): void => {
    if (isOver) return;
    try {
      action();
    } catch (reason) {
      isOver = true;
      disk.remove(temporary);
      outcome.failed((reason as Error).message);
    }
  };
  const opened = disk.create(temporary);
  return {
    isFull: false,
    waitingBytes: 0,
    exchange(chunk, length) {
      attempt(() => opened.append(chunk, 0, length));
      return chunk;
    },
    end: () =>
      attempt(() => {
        opened.sync();
        disk.rename(temporary, `${file.directory}/${file.name}`);
        disk.syncDirectory(file.directory);
        isOver = true;
        outcome.done(opened.sizeBytes);
      }),
    abort() {
      if (isOver) return;
      isOver = true;
      disk.remove(temporary);
    },
  };
}

/** The magic of a snapshot, the length of what follows, and JSON. */
function snapshotOf(data: ReadonlyMap<string, string>): Buffer[] {
  const body = JSON.stringify([...data]);
  const whole = Buffer.from(`${SNAPSHOT_MAGIC}${String(body.length).padStart(8)}${body}`);
  const middle = whole.length >> 1;
  return [whole.subarray(0, middle), whole.subarray(middle)];
}

function startOptions(disk: MemoryDisk, clock: FakeClock, data: Map<string, string>): AofStartOptions {
  const place = { disk, dataDirectory: DIRECTORY, directoryName: "appendonlydir", fileName: "appendonly.aof" };
  return {
    ...{ place, clock, logger: silentLogger, allowsTruncated: true },
    knows: (bytes, offset, length) =>
      ["SELECT", "SET", "MULTI", "EXEC"].includes(bytes.toString("latin1", offset, offset + length)),
    createApplier: () => createApplier(data),
    loadSnapshot: async (file) => loadSnapshot(disk, file, data),
    hasRdbBase: true,
    writeSnapshot: (directory, name) => {
      const opened = disk.create(`${directory}/${name}`);
      for (const piece of snapshotOf(data)) opened.append(piece, 0, piece.length);
      opened.sync();
      disk.syncDirectory(directory);
    },
    loading: () => undefined,
  };
}

function loadSnapshot(disk: MemoryDisk, file: string, data: Map<string, string>): number {
  const opened = disk.openToRead(file);
  const bytes = Buffer.alloc(opened.sizeBytes);
  opened.read(bytes, 0, bytes.length, 0);
  const head = SNAPSHOT_MAGIC.length + 8;
  const length = Number(bytes.toString("latin1", SNAPSHOT_MAGIC.length, head));
  for (const [key, value] of JSON.parse(bytes.toString("latin1", head, head + length)) as [string, string][]) {
    data.set(key, value);
  }
  return head + length;
}

/** Runs commands as a server would: those of a transaction at its EXEC. */
function createApplier(data: Map<string, string>): (commands: Buffer) => number {
  let queued: string[][] | undefined;
  return (commands) => {
    let settled = -1;
    let position = 0;
    while (position < commands.length) {
      const { words, end } = readCommand(commands, position);
      position = end;
      if (words[0] === "MULTI") queued = [];
      else if (words[0] === "EXEC") {
        for (const [, key, value] of queued ?? []) data.set(key as string, value as string);
        queued = undefined;
      } else if (words[0] === "SET") {
        if (queued === undefined) data.set(words[1] as string, words[2] as string);
        else queued.push(words);
      }
      if (queued === undefined) settled = position;
    }
    return settled;
  };
}

function readCommand(bytes: Buffer, start: number): { words: string[]; end: number } {
  let position = start;
  const line = (): number => {
    const end = bytes.indexOf("\r\n", position);
    const value = Number(bytes.toString("latin1", position + 1, end));
    position = end + 2;
    return value;
  };
  const words: string[] = [];
  for (let left = line(); left > 0; left--) {
    const length = line();
    words.push(bytes.toString("latin1", position, position + length));
    position += length + 2;
  }
  return { words, end: position };
}
