import path from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { loadSystemMemory, type NativeChunkMemory, SystemMemory } from "./system-memory.ts";

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
}

function ofSystem(): SystemMemory {
  const memory = loadSystemMemory((reason) => {
    throw new Error(reason);
  });
  return memory as SystemMemory;
}

function taken(memory: SystemMemory, bytes: number): ArrayBufferLike {
  const buffer = memory.take(bytes);
  if (buffer === undefined) throw new Error(`no memory for ${bytes} bytes`);
  return buffer;
}

/** A native part whose memory is the engine's, and which ends its clearing when told. */
function simulatedPart(): { native: NativeChunkMemory; finish: (isCleared: boolean) => Promise<void>; mapped: number } {
  let end: (isCleared: boolean) => void = () => undefined;
  const part = {
    mapped: 0,
    native: {
      map: (bytes: number) => {
        part.mapped += bytes;
        return bytes > SIZE ? undefined : new SharedArrayBuffer(bytes);
      },
      clear: () => new Promise<boolean>((resolve) => (end = resolve)),
    },
    finish: async (isCleared: boolean) => {
      end(isCleared);
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
  };
  return part;
}

describe("memory from the system", () => {
  it("gives memory back without waiting for a collection, and takes it again as zeros", async () => {
    const memory = ofSystem();
    const buffer = taken(memory, SIZE);
    new Uint8Array(buffer).fill(1);
    const before = process.memoryUsage.rss();
    memory.giveBack(buffer);
    await until(() => process.memoryUsage.rss() < before - SIZE / 2);
    await until(() => memory.take(SIZE) === buffer);
    expect(new Uint8Array(buffer).every((byte) => byte === 0)).toBe(true);
  });

  it("has room for what was asked, in every view", () => {
    const memory = ofSystem();
    for (const bytes of [64 * 1024, 64 * MIB, 70_000_000 - (70_000_000 % 65536)]) {
      const buffer = taken(memory, bytes);
      expect(buffer.byteLength).toBeGreaterThanOrEqual(bytes);
      expect(buffer.byteLength % 4096).toBe(0);
      const view = Buffer.from(buffer, 0, bytes);
      view.fill(7);
      expect(view.readUInt8(bytes - 1)).toBe(7);
    }
  });

  it("outlives the thread that took it", async () => {
    const file = path.join(import.meta.dirname, "../../native/build/chunk-memory.node");
    const source = `globalThis.memory = new Uint8Array(require(${JSON.stringify(file)}).map(${MIB})).fill(1)`;
    const exits = Array.from({ length: 4 }, () => {
      const worker = new Worker(source, { eval: true });
      return new Promise((resolve) => worker.on("exit", resolve));
    });
    expect(await Promise.all(exits)).toEqual([0, 0, 0, 0]);
  });

  it("says when the system refuses", () => {
    expect(new SystemMemory(simulatedPart().native).take(SIZE * 2)).toBeUndefined();
    expect(ofSystem().take(2 ** 50)).toBeUndefined();
  });

  it("takes nothing again before its pages are gone", async () => {
    const part = simulatedPart();
    const memory = new SystemMemory(part.native);
    const buffer = taken(memory, MIB);
    memory.giveBack(buffer);
    expect(memory.take(MIB)).not.toBe(buffer);
    await part.finish(true);
    expect(memory.take(MIB)).toBe(buffer);
    expect(part.mapped).toBe(2 * MIB);
  });

  it("leaves alone what could not be cleared", async () => {
    const part = simulatedPart();
    const memory = new SystemMemory(part.native);
    const buffer = taken(memory, MIB);
    memory.giveBack(buffer);
    await part.finish(false);
    expect(memory.take(MIB)).not.toBe(buffer);
  });
});
