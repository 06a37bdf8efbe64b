import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { describe, expect, test } from "vitest";
import { FakeClock } from "../../platform/fake-clock.ts";
import { MemoryDisk } from "../../platform/memory-disk.ts";
import { createSeededRandom } from "../../platform/random.ts";
import { SECTOR_BYTES } from "../../platform/sectors.ts";
import { seedOf } from "../../testing/differential.ts";
import { AofDamage, type AofLoadOutcome, loadAofFile } from "./aof-loader.ts";
import { Filler } from "./filler.ts";

const FILE = "/d/a.aof";

interface Loaded {
  readonly outcome: AofLoadOutcome | AofDamage;
  readonly bytes: Buffer;
}

/** Loads the file, and gives all that was handed over to be run. Everything is settled at once but MULTI. */
async function load(content: Buffer, start = 0): Promise<Loaded> {
  const disk = new MemoryDisk();
  disk.create(FILE).append(content, 0, content.length);
  const pieces: Buffer[] = [];
  const options = {
    ...{ disk, clock: new FakeClock(), file: FILE, start, knows: () => true },
    apply: (commands: Buffer) => pieces.push(Buffer.from(commands)) && commands.length,
    progress: { startedAtMs: 0, totalBytes: content.length, loadedBytes: 0 },
  };
  const outcome = await loadAofFile(options).catch((reason) => {
    if (reason instanceof AofDamage) return reason;
    throw reason;
  });
  return { outcome, bytes: Buffer.concat(pieces) };
}

test("commands of all sizes arrive whole and in order, whatever piece of the file they begin in", async () => {
  const random = createSeededRandom(seedOf(11));
  const sizes = [0, 1, 1000, 70_000, 1_048_576, 3_000_000, 5, 1_048_500];
  const commands = sizes.map((size, i) => encodeCommand(["SET", `k${i}`, random.bytes(size)]));
  const { outcome, bytes } = await load(Buffer.concat([Buffer.from("#TS:1\r\n"), ...commands]), 0);
  expect(outcome).toEqual({ kind: "whole", sizeBytes: bytes.length + 7, validBytes: bytes.length + 7 });
  expect(bytes.equals(Buffer.concat(commands))).toBe(true);
});

test("reading begins behind the snapshot at the head of the file", async () => {
  const command = encodeCommand(["SET", "a", "1"]);
  const { outcome, bytes } = await load(Buffer.concat([Buffer.from("REDIS…"), command]), Buffer.byteLength("REDIS…"));
  expect(outcome).toMatchObject({ kind: "whole" });
  expect(bytes).toEqual(command);
});

test("a file that ends anywhere is truncated behind its last whole command", async () => {
  const commands = [encodeCommand(["SET", "a", "1"]), encodeCommand(["SET", "b", "22"])];
  const [first, whole] = [commands[0]?.length ?? 0, Buffer.concat(commands)];
  for (let cut = 1; cut < whole.length; cut++) {
    const { outcome } = await load(whole.subarray(0, cut));
    if (cut === first) expect(outcome).toEqual({ kind: "whole", sizeBytes: cut, validBytes: cut });
    else expect(outcome).toMatchObject({ kind: "truncated", sizeBytes: cut, validBytes: cut < first ? 0 : first });
  }
});

test("a line of annotations that is not whole is no data", async () => {
  const command = encodeCommand(["SET", "a", "1"]);
  const { outcome } = await load(Buffer.concat([command, Buffer.from("#TS:12")]));
  expect(outcome).toEqual({ kind: "whole", sizeBytes: command.length + 6, validBytes: command.length });
});

test("filler that was announced twice, and of which a single byte is left, cuts nothing off", async () => {
  const announcements = ["0123456789abcdef", "fedcba9876543210"].map((key) => new Filler(key).announcement);
  const head = Buffer.concat(announcements);
  const command = (bytes: number): Buffer => encodeCommand(["SET", "a", "v".repeat(bytes)]);
  const left = SECTOR_BYTES - head.length;
  const data = command(left - command(100).length + 100);
  expect(head.length + data.length).toBe(SECTOR_BYTES);
  const { outcome, bytes } = await load(Buffer.concat([head, data, Buffer.from("#")]));
  expect(outcome).toEqual({ kind: "whole", sizeBytes: SECTOR_BYTES + 1, validBytes: SECTOR_BYTES });
  expect(bytes.equals(data)).toBe(true);
});

describe("files of lies", () => {
  test("a length beyond the file takes no memory for it", async () => {
    const { outcome } = await load(Buffer.from("*2\r\n$3\r\nGET\r\n$999999999999\r\nabc"));
    expect(outcome).toMatchObject({ kind: "truncated", validBytes: 0 });
  });

  test("mutated files end with what is sound before the damage", async () => {
    const random = createSeededRandom(seedOf(12));
    const commands = Array.from({ length: 20 }, (_, i) => encodeCommand(["SET", `key:${i}`, "v".repeat(i * 7)]));
    const whole = Buffer.concat(commands);
    let damaged = 0;
    for (let round = 0; round < 3000; round++) {
      const bytes = Buffer.from(whole);
      for (let left = random.below(3); left >= 0; left--) bytes[random.below(bytes.length)] = random.below(256);
      const { outcome, bytes: run } = await load(bytes.subarray(0, bytes.length - random.below(40)));
      if (outcome instanceof AofDamage) {
        damaged++;
        expect(outcome.offset).toBeGreaterThanOrEqual(outcome.validBytes);
      }
      const valid =
        outcome instanceof AofDamage || outcome.kind === "truncated" ? outcome.validBytes : outcome.sizeBytes;
      expect(run.equals(bytes.subarray(0, valid)), `round ${round}`).toBe(true);
    }
    expect(damaged).toBeGreaterThan(100);
  });
});
