/**
 * The append-only file on a disk that loses power: a small data set is written by the real code over a simulated disk whose
 * steps are taken one by one, at moments that chance decides; the disk fails at times; then the power goes, or the process
 * alone ends, and the data is loaded again, several times over. What must hold: the data is that of some moment of the past,
 * and no moment before what the policy promises, nor, where only the process has ended, before what was acknowledged.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { Config } from "../../config/config.ts";
import { silentLogger } from "../../observability/logger.ts";
import { readTextFile } from "../../platform/disk.ts";
import { FakeClock } from "../../platform/fake-clock.ts";
import { MemoryDisk } from "../../platform/memory-disk.ts";
import { createSeededRandom, type Random } from "../../platform/random.ts";
import type { SnapshotJob } from "../snapshot-job.ts";
import type { SnapshotTarget } from "../snapshot-target.ts";
import { createAppendOnly, loadAppendOnly } from "./aof-start.ts";
import { AppendOnly } from "./append-only.ts";
import { createTarget, DIRECTORY, snapshotOf, startOptions } from "./simulated-data.ts";
import { SteppedDisk } from "./stepped-disk.ts";

const ROUNDS = 3;
const MOST_STEPS = 120;
const MOST_KEYS = 6;
/** Of both policies: what is older is on the disk, as long as the disk does its part. */
const PROMISED_MS = 2000;
const TICK_MS = 100;
const FILLER = "#".repeat(100);

interface Written {
  readonly key: string;
  readonly value: string;
  /** Position of the stream behind it. */
  readonly position: number;
}

export interface PowerCutReport {
  readonly writes: number;
  readonly cuts: number;
  /** Lives that ended with the process alone. */
  readonly kills: number;
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
  /** Everything that was ever written, how much of that outlives the process, and how much a power cut as well. */
  #history: Written[] = [];
  #filed = 0;
  #durable = 0;
  /** As much of it as the last load found. */
  #found = 0;
  #data = new Map<string, string>();
  /** The life ends with the process alone; and so did not the one before. */
  #isKill = false;
  #hasLostPower = false;
  #report = { writes: 0, cuts: 0, kills: 0, rewrites: 0, promised: 0, stoodStill: 0, filled: 0, torn: 0 };

  constructor(seed: number) {
    this.#random = createSeededRandom(seed);
    this.#policy = this.#random.below(2) === 0 ? "always" : "everysec";
  }

  async run(): Promise<PowerCutReport> {
    for (let round = 0; round < ROUNDS; round++) {
      this.#isKill = this.#random.below(4) === 0;
      const stepped = await this.#live();
      // What the system had begun may come to its end all the same.
      if (this.#isKill && this.#random.below(2) === 0) stepped.step();
      stepped.end();
      if (this.#isKill) this.#kill();
      else this.#cutPower();
    }
    this.#cutPower();
    this.#report.torn = this.#files().filter((file) => file.includes(".torn-at-")).length;
    await this.#load();
    return this.#report;
  }

  #cutPower(): void {
    this.#disk.cutPowerAtRandom(this.#random);
    this.#filed = this.#durable;
    this.#hasLostPower = true;
    this.#report.cuts++;
    if (this.#files().some((file) => readTextFile(this.#disk, file).includes(FILLER))) this.#report.filled++;
  }

  #kill(): void {
    this.#disk.freeBytes = Number.POSITIVE_INFINITY;
    this.#disk.syncError = undefined;
    this.#hasLostPower = false;
    this.#report.kills++;
  }

  #files(): string[] {
    const directory = `${DIRECTORY}/appendonlydir`;
    return this.#disk.list(directory).map((name) => `${directory}/${name}`);
  }

  /** Starts, and runs until the end, which may be at once. */
  async #live(): Promise<SteppedDisk> {
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
        if (server.appendOnly.writeProblem === undefined) this.#forgetRest();
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
    return stepped;
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
    this.#forgetRest();
    this.#durable = this.#history.length;
    this.#report.stoodStill++;
  }

  #act({ appendOnly, takeSnapshotStep }: SimulatedServer, isOn: boolean): void {
    const choice = this.#random.below(20);
    if (choice < 9 && isOn && appendOnly.writeProblem === undefined) this.#write(appendOnly);
    else if (choice < 13) takeSnapshotStep();
    else if (choice < 14) appendOnly.rewrite(true);
    else if (choice < 17) appendOnly.tick();
    else if (choice === 17) this.#disk.freeBytes = this.#random.below(3) === 0 ? this.#random.below(200) : 1e9;
    // What a failed sync has lost, a server that is killed before it has a new base can tell nobody.
    else if (choice === 18 && !this.#isKill) this.#disk.syncError = this.#random.below(3) === 0 ? "EIO" : undefined;
  }

  /** What came after the moment that was found is gone for good. Until the file is synced it may still come back. */
  #forgetRest(): void {
    this.#history.length = Math.min(this.#history.length, this.#found);
    this.#found = Number.POSITIVE_INFINITY;
  }

  #write(appendOnly: AppendOnly): void {
    this.#forgetRest();
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

  /**
   * What is filed is what clients have had their answers for; with `always` it has to be durable, with `everysec` it becomes
   * so by itself, a second later.
   */
  #notePromises({ appendOnly }: SimulatedServer): void {
    const countOf = (from: number, position: number): number => {
      let count = from;
      while (count < this.#history.length && (this.#history[count] as Written).position <= position) count++;
      return count;
    };
    const durable = countOf(this.#durable, appendOnly.durable);
    this.#report.promised += durable - this.#durable;
    this.#durable = durable;
    this.#filed = Math.max(durable, countOf(this.#filed, appendOnly.filed));
  }

  /** Positions belong to one life of the server. What it finds in its files is durable with the first that it adds to them. */
  #recountPositions(): void {
    this.#history = this.#history.map((written, index) => {
      return { ...written, position: index < this.#filed ? 1 : Number.POSITIVE_INFINITY };
    });
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
        return found === value || (index >= this.#filed && isWithHoles(found, value));
      });
    for (let count = 0; count <= this.#history.length; count++) {
      if (count > 0) {
        const { key, value } = this.#history[count - 1] as Written;
        state.set(key, { value, index: count - 1 });
      }
      if (count < this.#filed || !isSame()) continue;
      this.#found = count;
      this.#filed = count;
      if (this.#hasLostPower) this.#durable = count;
      for (const [key, value] of data) this.#asLoaded(key, value);
      return;
    }
    throw new Error(
      `${this.#policy}: ${this.#filed} of ${this.#history.length} writes were promised, but what was loaded is of no moment since: ${describe(data)}`,
    );
  }

  #asLoaded(key: string, value: string): void {
    const index = this.#history.findLastIndex((written, at) => at < this.#found && written.key === key);
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
      // No time goes by in a sync or a write here: either all are quick, or none is.
      quickSyncUs: random.below(2),
      quickWriteUs: random.below(2),
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
