/**
 * Runs the commands of one append-only file, a piece at a time, so that clients get their LOADING answers in between. A file
 * that ends in the middle of a command, or of a transaction, is told apart from one that is damaged: a crash leaves the first,
 * and only at the end of the last file.
 *
 * A file that was being written over filler (prepared-file.ts) has its data up to the first sector of that: what is behind is
 * either more filler, or torn by a power cut, or what another server has appended.
 */

import type { Clock } from "../../platform/clock.ts";
import type { Disk } from "../../platform/disk.ts";
import { SECTOR_BYTES } from "../../platform/sectors.ts";
import type { LoadProgress } from "../rdb-loader.ts";
import { type KnowsCommand, type Scan, scanFrames } from "./aof-frames.ts";
import { Filler } from "./filler.ts";
import { readTail } from "./prepared-tail.ts";

export interface AofLoadOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly file: string;
  /** Where the commands begin: behind a snapshot at the head of the file. */
  readonly start: number;
  readonly knows: KnowsCommand;
  /** Runs whole commands; gives the end of the last one that left no transaction open, −1 if there was none. */
  readonly apply: (commands: Buffer) => number;
  readonly progress: LoadProgress;
  /** How many commands `apply` is given at most; many, unless told otherwise. */
  readonly commandsAtOnce?: number;
}

/**
 * `validBytes` is where the last whole command, or transaction, ends: what is behind it in a whole file is no data. A file that
 * `isTorn` goes on behind it, but with holes.
 */
export type AofLoadOutcome =
  | { readonly kind: "whole"; readonly sizeBytes: number; readonly validBytes: number }
  | { readonly kind: "truncated"; readonly sizeBytes: number; readonly validBytes: number; readonly isTorn: boolean };

/** At this offset the file holds something that is no command. */
export class AofDamage extends Error {
  /** Without the place. */
  readonly reason: string;
  readonly offset: number;
  /** Where the last whole command, or transaction, before it ends, and how long the file is. */
  readonly validBytes: number;
  readonly sizeBytes: number;

  constructor(
    reason: string,
    place: { readonly offset: number; readonly validBytes: number; readonly sizeBytes: number },
  ) {
    super(`${reason} at offset ${place.offset}`);
    this.reason = reason;
    this.offset = place.offset;
    this.validBytes = place.validBytes;
    this.sizeBytes = place.sizeBytes;
  }
}

const READ_BYTES = 1 << 20;
const BURST_US = 10_000;
const HASH = 35;

/** Rejects with an AofDamage, or what the disk says. */
export async function loadAofFile(options: AofLoadOptions): Promise<AofLoadOutcome> {
  const { clock, progress } = options;
  const load = new AofLoad(options);
  const loadedBefore = progress.loadedBytes;
  let endUs = clock.monotonicUs() + BURST_US;
  try {
    while (load.step()) {
      progress.loadedBytes = loadedBefore + load.offset;
      if (clock.monotonicUs() < endUs) continue;
      await new Promise<void>((resolve) => setImmediate(resolve));
      endUs = clock.monotonicUs() + BURST_US;
    }
    return load.outcome();
  } finally {
    load.close();
  }
}

class AofLoad {
  readonly #options: AofLoadOptions;
  readonly #file;
  #buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  #start = 0;
  #end = 0;
  /** Where the buffer's first byte stands in the file. */
  #base: number;
  #needed = 0;
  #isAtEnd = false;
  #validBytes: number;
  #filler: Filler | undefined;
  /** The first sector of filler, as far as `#searchedBytes`: no command goes on there, or where nobody has looked yet. */
  #fillerAt = Number.POSITIVE_INFINITY;
  #searchedBytes = 0;
  /** Where the data ends, if that is before the end of the file. */
  #dataBytes: number | undefined;
  #isTorn = false;

  constructor(options: AofLoadOptions) {
    this.#options = options;
    this.#file = options.disk.openToRead(options.file);
    this.#base = options.start;
    this.#validBytes = options.start;
  }

  get offset(): number {
    return this.#base + this.#start;
  }

  /** Runs the next commands, or reads more; false once there is nothing to do any more. */
  step(): boolean {
    if (this.#end < this.#needed || this.#start === this.#end) {
      if (!this.#refill()) return this.#endOfFile();
    }
    const scan = this.#scan();
    switch (scan.kind) {
      case "commands":
        this.#run(scan.end);
        return true;
      case "annotation":
        return this.#annotation(scan.end);
      case "incomplete":
        if (this.#isInterrupted) return this.#endTorn();
        this.#needed = Math.max(scan.needed, this.#end + 1);
        if (this.#isAtEnd || !this.#refill()) return this.#endOfFile();
        return true;
      case "damaged":
        throw this.#damage("Bad file format", scan.position);
      default:
        throw this.#damage(`Unknown command '${scan.name}'`, scan.position);
    }
  }

  outcome(): AofLoadOutcome {
    const { sizeBytes } = this.#file;
    const validBytes = this.#validBytes;
    if (validBytes === (this.#dataBytes ?? sizeBytes)) return { kind: "whole", sizeBytes, validBytes };
    return { kind: "truncated", sizeBytes, validBytes, isTorn: this.#isTorn };
  }

  close(): void {
    this.#file.close();
  }

  #scan(): Scan {
    const isLimited = this.#filler !== undefined && !this.#isAnnotation;
    const end = isLimited ? Math.min(this.#fillerAt, this.#searchedBytes) - this.#base : this.#end;
    return scanFrames(this.#buffer, this.#start, end, this.#options);
  }

  /** A line of annotations is at hand; other than a command it may go on into filler. */
  get #isAnnotation(): boolean {
    return this.#start < this.#end && this.#buffer[this.#start] === HASH;
  }

  /** A command is at hand that is known to end in filler. */
  get #isInterrupted(): boolean {
    return !this.#isAnnotation && this.#fillerAt < this.#base + this.#end;
  }

  #annotation(end: number): boolean {
    const { offset } = this;
    if (this.#filler?.continues(this.#buffer, this.#start, end, offset)) return this.#passFiller(this.#filler, offset);
    if (this.#filler !== undefined && this.#standsForCommand(this.#filler)) return this.#endTorn();
    const announced = Filler.announcedBy(this.#buffer.subarray(this.#start, end));
    if (this.#validBytes === offset) this.#validBytes = this.#base + end;
    this.#start = end;
    if (announced !== undefined) {
      this.#filler = announced;
      this.#fillerAt = Number.POSITIVE_INFINITY;
      this.#searchedBytes = this.#base + end;
      this.#findFiller();
    }
    return true;
  }

  /**
   * The line begins with the last byte of a sector, and goes on as a command does behind its `*`: that sector is a hole, which
   * holds filler in a single byte, and the next one is none.
   */
  #standsForCommand(filler: Filler): boolean {
    const { offset } = this;
    if (offset % SECTOR_BYTES !== SECTOR_BYTES - 1 || !isDigit(this.#buffer[this.#start + 1])) return false;
    return readTail(this.#file, filler, offset).kind === "torn";
  }

  /** Data ends at this offset, and filler begins. */
  #passFiller(filler: Filler, offset: number): boolean {
    const tail = readTail(this.#file, filler, offset);
    if (tail.kind === "torn") return this.#endTorn();
    if (tail.kind === "filler") {
      this.#dataBytes = offset;
      return false;
    }
    if (this.#validBytes === offset) this.#validBytes = tail.position;
    this.#filler = undefined;
    this.#fillerAt = Number.POSITIVE_INFINITY;
    this.#base = tail.position;
    this.#start = this.#end = this.#needed = 0;
    this.#isAtEnd = false;
    return this.#refill();
  }

  /** In the middle of something; a line of annotations is no data. */
  #endOfFile(): false {
    if (this.#isAnnotation) this.#dataBytes = this.offset;
    return false;
  }

  #endTorn(): false {
    this.#isTorn = true;
    return false;
  }

  #findFiller(): void {
    if (this.#filler === undefined || this.#fillerAt < Number.POSITIVE_INFINITY) return;
    const [base, end] = [this.#base, this.#end];
    const isAtEnd = base + end === this.#file.sizeBytes;
    const start = Math.max(0, this.#searchedBytes - base);
    const at = this.#filler.indexIn(this.#buffer, { start, end, base, isAtEnd });
    if (at >= 0) this.#fillerAt = this.#base + at;
    this.#searchedBytes = base + end - (isAtEnd ? 0 : (base + end) % SECTOR_BYTES);
  }

  #damage(reason: string, position: number): AofDamage {
    const { sizeBytes } = this.#file;
    return new AofDamage(reason, { offset: this.#base + position, validBytes: this.#validBytes, sizeBytes });
  }

  #run(end: number): void {
    const settled = this.#options.apply(this.#buffer.subarray(this.#start, end));
    if (settled >= 0) this.#validBytes = this.#base + this.#start + settled;
    this.#start = end;
  }

  /** False if the file has no more. */
  #refill(): boolean {
    if (this.#isAtEnd) return false;
    this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#base += this.#start;
    this.#end -= this.#start;
    this.#needed = Math.max(0, this.#needed - this.#start);
    this.#start = 0;
    this.#grow();
    const room = this.#buffer.length;
    const count = this.#file.read(this.#buffer, this.#end, room, this.#base + this.#end);
    this.#end += count;
    if (count === 0) this.#isAtEnd = true;
    else this.#findFiller();
    return count > 0;
  }

  /** Room for the command at hand, no more than the file can hold: a length in it may be a lie. */
  #grow(): void {
    if (this.#end < this.#buffer.length && this.#needed <= this.#buffer.length) return;
    const left = this.#file.sizeBytes - this.#base;
    const wanted = Math.min(Math.max(this.#needed, this.#buffer.length * 2), Math.max(left, READ_BYTES));
    if (wanted <= this.#buffer.length) return;
    const wider = Buffer.allocUnsafeSlow(wanted);
    this.#buffer.copy(wider, 0, 0, this.#end);
    this.#buffer = wider;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57;
}
