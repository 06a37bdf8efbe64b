/**
 * Reads an RDB file of Redis or Valkey, of any version that we know, as its bytes arrive, and tells a handler what it holds. Large
 * collections are told element by element, so only the element at hand needs to be complete; small ones that the file
 * holds as one packed block are first offered whole.
 *
 * Spans are valid during the call only. Damage, and what we cannot keep, is an RdbError with its place; the handler has
 * seen what came before it.
 */

import { ByteSpan } from "../memory/byte-span.ts";
import { parseDouble } from "../memory/double-parse.ts";
import type { Encoding, ValueType } from "../values/value-type.ts";
import { PackedReader } from "./packed-reader.ts";
import {
  CHECKSUM_BYTES,
  FIRST_VERSION_WITH_CHECKSUM,
  LATEST_FIELD_EXPIRY_MS,
  MOST_SLOT_RANGES,
  Opcode,
  QuicklistNode,
  RDB_MAGIC_BYTES,
  RDB_PRODUCTS,
  RDB_TYPES,
  type RdbProduct,
  RdbType,
  typeOfByte,
  UNSUPPORTED_TYPES,
} from "./rdb-format.ts";
import { RdbError, RdbInput, type Scratch, UNDERFLOW } from "./rdb-input.ts";
import { type StreamHandler, StreamReader } from "./stream-reader.ts";

/** The key whose value is being read. */
export interface RdbKey {
  readonly name: ByteSpan;
  /** Milliseconds since 1970, or 0. */
  expireAtMs: number;
  /** LRU idle time in seconds and LFU frequency, −1 where the file has none. */
  idleSeconds: number;
  frequency: number;
}

/** What goes with a value that is read alone. */
export interface ValueKey {
  readonly name: ByteSpan;
  /** Milliseconds since 1970, or 0. */
  readonly expireAtMs: number;
  /** Whose numbers of types the value has. */
  readonly product: RdbProduct;
}

export interface RdbHandler {
  aux(name: string, value: string): void;
  /** The source of a library of functions. */
  library(source: ByteSpan): void;
  selectDatabase(index: number): void;
  /** How many keys the database has: a hint. */
  resize(keys: number, expires: number): void;
  string(key: RdbKey, value: ByteSpan): void;
  /** A whole collection in one valid listpack or intset. False: tell it element by element. */
  packed(key: RdbKey, type: ValueType, encoding: Encoding, block: ByteSpan): boolean;
  /** A collection of about `count` elements; they follow, then `end`. */
  begin(key: RdbKey, type: ValueType, count: number): void;
  /** An element of a list or a set. */
  element(value: ByteSpan): void;
  member(value: ByteSpan, score: number): void;
  /** `expireAtMs` is 0 for a field that does not expire. */
  field(name: ByteSpan, value: ByteSpan, expireAtMs: number): void;
  /** Takes what follows the `begin` of a stream, whose count is that of its blocks. */
  readonly streams: StreamHandler;
  end(key: RdbKey): void;
  /** Nothing more comes for now: what was told must be in its place. */
  settle?(): void;
}

export interface RdbReaderOptions {
  readonly handler: RdbHandler;
  /** False: the file's checksum is not compared. */
  readonly verifyChecksum: boolean;
  /** Whether a packed block that has a member or field twice counts as damaged: where bytes may come from anyone. */
  readonly refusesDuplicates?: boolean;
}

const Stage = { header: 0, opcode: 1, elements: 2, trailer: 3, done: 4 } as const;

const SCORE_NAN = 253;
const SCORE_INFINITE = 254;
const SCORE_MINUS_INFINITE = 255;
const MODULE_OPCODE_STRING = 5;
const MODULE_OPCODE_DOUBLE = 4;
const MODULE_OPCODE_FLOAT = 3;
/** What Valkey writes for the time of a field that does not expire. */
const VALKEY_NO_EXPIRY = -1;

export class RdbReader {
  readonly #input = new RdbInput();
  readonly #streams = new StreamReader(this.#input);
  readonly #handler: RdbHandler;
  readonly #verifyChecksum: boolean;
  readonly #packed: PackedReader;
  readonly #key: RdbKey = { name: new ByteSpan(), expireAtMs: 0, idleSeconds: -1, frequency: -1 };
  readonly #keyScratch: Scratch = { buffer: Buffer.alloc(256) };
  readonly #value = new ByteSpan();
  readonly #valueScratch: Scratch = { buffer: Buffer.alloc(256) };
  readonly #second = new ByteSpan();
  readonly #secondScratch: Scratch = { buffer: Buffer.alloc(256) };
  #stage: number = Stage.header;
  #type = 0;
  #remaining = 0;
  #version = 0;
  #product: RdbProduct = RDB_PRODUCTS.REDIS;
  /** What the field expiry times of the hash being read are relative to. */
  #fieldBaseMs = 0;

  constructor(options: RdbReaderOptions) {
    this.#handler = options.handler;
    this.#verifyChecksum = options.verifyChecksum;
    this.#packed = new PackedReader(options.handler, options.refusesDuplicates ?? false);
  }

  get version(): number {
    return this.#version;
  }

  get isDone(): boolean {
    return this.#stage === Stage.done;
  }

  /** Bytes of the file read so far; where the next one stands. */
  get offset(): number {
    return this.#input.offset;
  }

  /** Takes bytes and reads as far as they go. Once done it reads no further; returns how many bytes it did not take. */
  push(bytes: Buffer, start: number, end: number): number {
    if (this.#stage === Stage.done) return end - start;
    this.#input.push(bytes, start, end);
    if (this.#input.isWorthReading) {
      try {
        this.#run();
      } finally {
        this.#handler.settle?.();
      }
    }
    return this.#stage === Stage.done ? this.#input.available : 0;
  }

  /** There are no more bytes: an error unless the file was complete. */
  finish(): void {
    if (this.#stage === Stage.done) return;
    throw new RdbError("Unexpected end of file", this.#input.offset + this.#input.available);
  }

  /** Reads one value without a key or anything around it, as DUMP gives it; bytes behind it are left. Not between other reads. */
  readValue(key: ValueKey, bytes: Buffer, start: number, end: number): void {
    const { name, expireAtMs, product } = key;
    const input = this.#input;
    this.#product = product;
    input.reset();
    input.push(bytes, start, end);
    this.#key.name.set(name.buffer, name.offset, name.length);
    this.#key.expireAtMs = expireAtMs;
    this.#stage = Stage.opcode;
    try {
      this.#content(this.#typeOf(input.byte()));
      while (this.#stage === Stage.elements) this.#element();
      this.#handler.settle?.();
    } catch (reason) {
      if (reason === UNDERFLOW) input.fail("Unexpected end of the value");
      throw reason;
    } finally {
      this.#forgetKey();
    }
  }

  #run(): void {
    try {
      while (this.#stage !== Stage.done) {
        this.#step();
        this.#input.mark();
      }
    } catch (reason) {
      if (reason !== UNDERFLOW) throw reason;
      this.#input.rewind();
    }
  }

  #step(): void {
    if (this.#stage === Stage.elements) this.#element();
    else if (this.#stage === Stage.opcode) this.#opcode();
    else if (this.#stage === Stage.header) this.#header();
    else this.#trailer();
  }

  #header(): void {
    const input = this.#input;
    input.need(RDB_MAGIC_BYTES);
    const magic = input.buffer.toString("latin1", input.position, input.position + RDB_MAGIC_BYTES);
    const match = /^(REDIS(?=\d{4}$)|VALKEY(?=\d{3}$))(\d+)$/.exec(magic);
    if (match === null) throw input.error("Wrong signature, this is no RDB file");
    const [, name, digits] = match;
    const product = name === "REDIS" ? RDB_PRODUCTS.REDIS : RDB_PRODUCTS.VALKEY;
    const version = Number(digits);
    if (version < product.oldestVersion || version > product.newestVersion) {
      input.fail(`Cannot read RDB version ${version}`);
    }
    this.#product = product;
    this.#version = version;
    input.position += RDB_MAGIC_BYTES;
    this.#stage = Stage.opcode;
  }

  #opcode(): void {
    const input = this.#input;
    const opcode = input.byte();
    switch (opcode) {
      case Opcode.expireMs:
        this.#key.expireAtMs = input.int64();
        break;
      case Opcode.expireSeconds:
        input.need(4);
        this.#key.expireAtMs = input.buffer.readInt32LE(input.position) * 1000;
        input.position += 4;
        break;
      case Opcode.idle:
        this.#key.idleSeconds = input.length();
        break;
      case Opcode.frequency:
        this.#key.frequency = input.byte();
        break;
      case Opcode.selectDatabase:
        this.#handler.selectDatabase(input.length());
        break;
      case Opcode.resize:
        this.#handler.resize(input.length(), input.length());
        break;
      case Opcode.aux:
        this.#aux();
        break;
      case Opcode.function2:
        input.string(this.#value, this.#valueScratch);
        this.#handler.library(this.#value);
        break;
      case Opcode.slotInfo:
        for (let k = 0; k < 3; k++) input.length();
        break;
      case Opcode.slotImport:
        if (this.#product.hasSlotImports) this.#skipSlotImport();
        else this.#keyAndValue(opcode);
        break;
      case Opcode.moduleAux:
        this.#skipModuleAux();
        break;
      case Opcode.end:
        this.#stage = Stage.trailer;
        break;
      default:
        this.#keyAndValue(opcode);
    }
  }

  #aux(): void {
    const name = this.#input.text(this.#value, this.#valueScratch);
    this.#handler.aux(name, this.#input.text(this.#second, this.#secondScratch));
  }

  /** What a module noted beside the data is of no use without the module; the data itself would be refused. */
  #skipModuleAux(): void {
    const input = this.#input;
    for (let k = 0; k < 3; k++) input.length();
    for (let opcode = input.length(); opcode !== 0; opcode = input.length()) {
      if (opcode === MODULE_OPCODE_STRING) input.string(this.#value, this.#valueScratch);
      else if (opcode === MODULE_OPCODE_DOUBLE) input.skip(8);
      else if (opcode === MODULE_OPCODE_FLOAT) input.skip(4);
      else if (opcode < MODULE_OPCODE_FLOAT) input.length();
      else input.fail(`Unknown module opcode ${opcode}`);
    }
  }

  /**
   * Which slots the server was taking over: the move ends with that server, and the keys that had come stand in the file like
   * all others.
   */
  #skipSlotImport(): void {
    const input = this.#input;
    input.string(this.#value, this.#valueScratch);
    const ranges = input.length();
    if (ranges > MOST_SLOT_RANGES) input.fail(`An import of ${ranges} ranges of slots`);
    for (let k = 0; k < 2 * ranges; k++) input.length();
  }

  #keyAndValue(byte: number): void {
    const type = this.#typeOf(byte);
    this.#input.string(this.#key.name, this.#keyScratch);
    this.#content(type);
  }

  #typeOf(byte: number): number {
    const type = typeOfByte(this.#product, byte);
    if (type !== undefined) return type;
    const input = this.#input;
    input.position--;
    if (byte === Opcode.functionBeforeRelease) {
      input.fail("The file holds functions in the form of a release candidate of Redis 7.0, which nobody can load");
    }
    const unsupported = UNSUPPORTED_TYPES[byte];
    return input.fail(
      unsupported === undefined ? `Unknown type of value ${byte}` : `Cannot keep ${unsupported} (type ${byte})`,
    );
  }

  #content(type: number): void {
    const input = this.#input;
    if (type === RdbType.string) {
      input.string(this.#value, this.#valueScratch);
      this.#handler.string(this.#key, this.#value);
      this.#forgetKey();
    } else if (isElementwise(type)) {
      this.#beginElements(type);
    } else {
      // In front of the listpack stands the earliest time, which it starts with as well.
      if (type === RdbType.hashListpackExpiry) this.#readFieldBase();
      input.string(this.#value, this.#valueScratch);
      if (!this.#packed.read(type, this.#key, this.#value)) input.fail(`Damaged block of a value of type ${type}`);
      this.#forgetKey();
    }
  }

  #beginElements(type: number): void {
    const { name } = this.#key;
    this.#fieldBaseMs = 0;
    if (type === RdbType.hashFieldExpiry) this.#readFieldBase();
    const count = this.#input.length();
    // The name must outlive the bytes it came from: elements may arrive much later.
    const scratch = this.#keyScratch;
    if (name.buffer !== scratch.buffer) {
      if (scratch.buffer.length < name.length) scratch.buffer = Buffer.allocUnsafeSlow(name.length);
      name.buffer.copy(scratch.buffer, 0, name.offset, name.offset + name.length);
      name.set(scratch.buffer, 0, name.length);
    }
    this.#handler.begin(this.#key, valueTypeOf(type), count);
    if (isStream(type)) this.#streams.begin(this.#handler.streams, type, count);
    this.#type = type;
    this.#remaining = count;
    this.#stage = Stage.elements;
  }

  #element(): void {
    if (isStream(this.#type) ? this.#streams.step() : this.#remaining === 0) {
      this.#handler.end(this.#key);
      this.#forgetKey();
      this.#stage = Stage.opcode;
      return;
    }
    if (isStream(this.#type)) return;
    this.#readElement();
    this.#remaining--;
  }

  #readElement(): void {
    const input = this.#input;
    switch (this.#type) {
      case RdbType.hash:
        input.string(this.#value, this.#valueScratch);
        input.string(this.#second, this.#secondScratch);
        this.#handler.field(this.#value, this.#second, 0);
        break;
      case RdbType.hashFieldExpiry:
      case RdbType.hashFieldExpiryEarly:
        this.#expiringField();
        break;
      case RdbType.hashFieldExpiryValkey:
        this.#fieldBeforeTime();
        break;
      case RdbType.sortedSet:
      case RdbType.sortedSetBinary: {
        input.string(this.#value, this.#valueScratch);
        const score = this.#type === RdbType.sortedSet ? this.#textScore() : input.double();
        if (Number.isNaN(score)) input.fail("A score that is not a number");
        this.#handler.member(this.#value, score);
        break;
      }
      case RdbType.listQuicklist:
        input.string(this.#value, this.#valueScratch);
        if (!this.#packed.readZiplistElements(this.#value)) input.fail("Damaged ziplist in a list");
        break;
      case RdbType.listQuicklist2:
        this.#quicklistNode();
        break;
      default:
        input.string(this.#value, this.#valueScratch);
        this.#handler.element(this.#value);
    }
  }

  #readFieldBase(): void {
    this.#fieldBaseMs = this.#input.int64() - 1;
    if (!(this.#fieldBaseMs >= -1 && this.#fieldBaseMs < LATEST_FIELD_EXPIRY_MS)) {
      this.#input.fail("An expiry time of fields that is out of range");
    }
  }

  #expiringField(): void {
    const input = this.#input;
    const time = input.length();
    const expireAtMs = time === 0 ? 0 : time + this.#fieldBaseMs;
    if (expireAtMs > LATEST_FIELD_EXPIRY_MS) input.fail("An expiry time of a field that is out of range");
    input.string(this.#value, this.#valueScratch);
    input.string(this.#second, this.#secondScratch);
    this.#handler.field(this.#value, this.#second, expireAtMs);
  }

  #fieldBeforeTime(): void {
    const input = this.#input;
    input.string(this.#value, this.#valueScratch);
    input.string(this.#second, this.#secondScratch);
    const time = input.int64();
    if (!(time >= VALKEY_NO_EXPIRY && time <= LATEST_FIELD_EXPIRY_MS)) {
      input.fail("An expiry time of a field that is out of range");
    }
    // The first moment of all has passed just as the second has; 0 stands for no time here.
    this.#handler.field(this.#value, this.#second, time === VALKEY_NO_EXPIRY ? 0 : Math.max(time, 1));
  }

  #quicklistNode(): void {
    const input = this.#input;
    const container = input.length();
    input.string(this.#value, this.#valueScratch);
    if (container === QuicklistNode.plain) this.#handler.element(this.#value);
    else if (container !== QuicklistNode.packed) input.fail(`Unknown node of a list ${container}`);
    else if (!this.#packed.readListpackElements(this.#value)) input.fail("Damaged listpack in a list");
  }

  #textScore(): number {
    const input = this.#input;
    const length = input.byte();
    if (length === SCORE_NAN) return Number.NaN;
    if (length === SCORE_INFINITE) return Number.POSITIVE_INFINITY;
    if (length === SCORE_MINUS_INFINITE) return Number.NEGATIVE_INFINITY;
    input.need(length);
    const score = parseDouble(input.buffer, input.position, length);
    input.position += length;
    return score;
  }

  #trailer(): void {
    const input = this.#input;
    if (this.#version >= FIRST_VERSION_WITH_CHECKSUM) {
      input.need(CHECKSUM_BYTES);
      const at = input.position;
      const isChecked = input.buffer.readInt32LE(at) !== 0 || input.buffer.readInt32LE(at + 4) !== 0;
      if (this.#verifyChecksum && isChecked && !input.checksum.equals(input.buffer, at)) {
        input.fail("Wrong RDB checksum (CRC error), the file is damaged");
      }
      input.position += CHECKSUM_BYTES;
    }
    this.#stage = Stage.done;
  }

  #forgetKey(): void {
    this.#key.expireAtMs = 0;
    this.#key.idleSeconds = -1;
    this.#key.frequency = -1;
  }
}

function isStream(type: number): boolean {
  return type === RdbType.streamListpacks || type === RdbType.streamListpacks2 || type === RdbType.streamListpacks3;
}

function isElementwise(type: number): boolean {
  return RDB_TYPES[type]?.[1] === undefined;
}

function valueTypeOf(type: number): ValueType {
  return (RDB_TYPES[type] as readonly [ValueType, unknown])[0];
}
