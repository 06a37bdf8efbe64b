/**
 * The slow log: the last commands that took longer than `slowlog-log-slower-than`, newest first, with their arguments
 * cut to what a human needs. Bounded by `slowlog-max-len`.
 */

const ARGUMENTS_MAX = 32;
const ARGUMENT_BYTES_MAX = 128;

export interface SlowLogEntry {
  readonly id: number;
  readonly timestampSeconds: number;
  readonly durationUs: number;
  readonly args: readonly Buffer[];
  readonly clientAddress: string;
  readonly clientName: string;
}

/** One request's arguments, without copies of what will be cut away. */
export interface SlowCommand {
  readonly argumentCount: number;
  /** A copy of at most `limit` bytes of argument `index`, and its whole length. */
  argument(index: number, limit: number): { readonly bytes: Buffer; readonly length: number };
  readonly timestampSeconds: number;
  readonly durationUs: number;
  readonly clientAddress: string;
  readonly clientName: string;
}

export class SlowLog {
  readonly #entries: SlowLogEntry[] = [];
  readonly #maxLength: () => number;
  #nextId = 0;

  constructor(maxLength: () => number) {
    this.#maxLength = maxLength;
  }

  get length(): number {
    return this.#entries.length;
  }

  add(command: SlowCommand): void {
    this.#entries.unshift({
      id: this.#nextId++,
      timestampSeconds: command.timestampSeconds,
      durationUs: command.durationUs,
      args: cutArguments(command),
      clientAddress: command.clientAddress,
      clientName: command.clientName,
    });
    const limit = this.#maxLength();
    if (this.#entries.length > limit) this.#entries.length = limit;
  }

  /** The newest `count` entries; −1 for all. */
  newest(count: number): readonly SlowLogEntry[] {
    return count < 0 ? this.#entries : this.#entries.slice(0, count);
  }

  reset(): void {
    this.#entries.length = 0;
  }
}

function cutArguments(command: SlowCommand): Buffer[] {
  const { argumentCount } = command;
  const isCut = argumentCount > ARGUMENTS_MAX;
  const shown = isCut ? ARGUMENTS_MAX - 1 : argumentCount;
  const args = Array.from({ length: shown }, (_, index) => cutArgument(command, index));
  if (isCut) args.push(Buffer.from(`... (${argumentCount - shown} more arguments)`));
  return args;
}

function cutArgument(command: SlowCommand, index: number): Buffer {
  const { bytes, length } = command.argument(index, ARGUMENT_BYTES_MAX);
  if (length <= ARGUMENT_BYTES_MAX) return bytes;
  return Buffer.concat([bytes, Buffer.from(`... (${length - ARGUMENT_BYTES_MAX} more bytes)`)]);
}
