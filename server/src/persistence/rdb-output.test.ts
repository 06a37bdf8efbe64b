import { describe, expect, test } from "vitest";
import { ByteSpan } from "../memory/byte-span.ts";
import { createSeededRandom } from "../platform/random.ts";
import { RdbInput } from "./rdb-input.ts";
import { CHUNK_BYTES, RdbOutput } from "./rdb-output.ts";

class MemorySink {
  readonly chunks: Buffer[] = [];

  exchange(chunk: Buffer, length: number): Buffer {
    this.chunks.push(chunk.subarray(0, length));
    return Buffer.alloc(CHUNK_BYTES);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

function written(write: (output: RdbOutput) => void): Buffer {
  const sink = new MemorySink();
  const output = new RdbOutput(sink, { compress: true });
  write(output);
  output.flush();
  expect(output.sizeBytes).toBe(sink.bytes.length);
  return sink.bytes;
}

function inputOf(bytes: Buffer): RdbInput {
  const input = new RdbInput();
  input.push(bytes, 0, bytes.length);
  return input;
}

describe("RdbOutput", () => {
  test.each([0, 63, 64, 16383, 16384, 0xffffffff, 0x100000000, 2 ** 52])(
    "writes the length %d so that it reads back",
    (value) => {
      expect(inputOf(written((output) => output.length(value))).length()).toBe(value);
    },
  );

  test.each([0, 1, -1, 1_700_000_000_000, -5, 2 ** 52])("writes the integer %d in eight bytes", (value) => {
    expect(inputOf(written((output) => output.int64(value))).int64()).toBe(value);
  });

  test.each([
    ["0", 2],
    ["-128", 2],
    ["127", 2],
    ["128", 3],
    ["-32768", 3],
    ["32768", 5],
    ["-2147483648", 5],
    ["2147483647", 5],
    ["2147483648", 11],
    ["007", 4],
    ["-0", 3],
    ["-", 2],
    ["", 1],
    ["+1", 3],
  ])("writes %j in %d bytes", (text, size) => {
    const bytes = written((output) => output.text(text));
    expect(bytes.length).toBe(size);
    expect(inputOf(bytes).text(new ByteSpan(), { buffer: Buffer.alloc(0) })).toBe(text);
  });

  test("writes strings of every size over chunk borders so that they read back", () => {
    const seed = 3;
    const random = createSeededRandom(seed);
    const strings = Array.from({ length: 400 }, (_, k) => {
      const length = k % 40 === 0 ? random.below(700_000) : random.below(3000);
      const letters = k % 3 === 0 ? 256 : 4;
      return Buffer.from(Array.from({ length }, () => random.below(letters)));
    });
    const bytes = written((output) => {
      for (const string of strings) output.string(string, 0, string.length);
    });
    const input = inputOf(bytes);
    const span = new ByteSpan();
    const scratch = { buffer: Buffer.alloc(0) };
    for (const string of strings) {
      input.string(span, scratch);
      expect(span.toBuffer().equals(string), `seed ${seed}`).toBe(true);
    }
    expect(input.available).toBe(0);
    expect(bytes.length).toBeLessThan(strings.reduce((sum, string) => sum + string.length, 0) * 0.9);
  });
});
