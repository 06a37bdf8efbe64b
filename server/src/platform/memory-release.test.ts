import { describe, expect, it } from "vitest";
import { MemoryRelease } from "./memory-release.ts";

const SIZE = 256 * 1024 * 1024;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe("MemoryRelease", () => {
  it("gives memory back without waiting for a collection", async () => {
    const release = new MemoryRelease();
    const memory = new ArrayBuffer(SIZE);
    new Uint8Array(memory).fill(1);
    const before = process.memoryUsage.rss();
    release.release(memory);
    expect(memory.byteLength).toBe(0);
    await until(() => process.memoryUsage.rss() < before - SIZE / 2);
    release.stop();
  });
});
