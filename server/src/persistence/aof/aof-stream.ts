/** The stream of changes as the append-only file has it: commands as they ran, with the database they ran in before them. */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";

export interface ByteAppender {
  add(bytes: Buffer, start: number, end: number): void;
}

export interface AofStreamSettings {
  readonly nowMs: () => number;
  readonly writesTimestamps: () => boolean;
}

const NO_DATABASE = -1;

/** Takes what the propagator feeds. */
export class AofStream {
  readonly #out: ByteAppender;
  readonly #settings: AofStreamSettings;
  #database = NO_DATABASE;
  #lastTimestamp = 0;
  isActive = false;
  /** It has no count that WAIT would ask for. */
  readonly offset = undefined;

  constructor(out: ByteAppender, settings: AofStreamSettings) {
    this.#out = out;
    this.#settings = settings;
  }

  get active(): boolean {
    return this.isActive;
  }

  /** The next command goes to a new file, which must say where, and if wanted when, it ran. */
  beginFile(): void {
    this.#database = NO_DATABASE;
    this.#lastTimestamp = 0;
  }

  feed(databaseIndex: number, bytes: Buffer, start: number, end: number): void {
    if (this.#settings.writesTimestamps()) this.#annotate();
    if (databaseIndex >= 0 && databaseIndex !== this.#database) {
      this.#database = databaseIndex;
      this.#write(encodeCommand(["SELECT", String(databaseIndex)]));
    }
    this.#out.add(bytes, start, end);
  }

  /** A comment with the time, at most one a second: by it a file can be cut off at a point in time. */
  #annotate(): void {
    const seconds = Math.floor(this.#settings.nowMs() / 1000);
    if (seconds <= this.#lastTimestamp) return;
    this.#lastTimestamp = seconds;
    this.#write(Buffer.from(`#TS:${seconds}\r\n`));
  }

  #write(bytes: Buffer): void {
    this.#out.add(bytes, 0, bytes.length);
  }
}
