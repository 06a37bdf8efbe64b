import { expect, test } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { SnapshotQueue } from "./snapshot-queue.ts";

test("many readers are each given all of it in order, and what all have read goes", () => {
  const seed = Date.now() % 1e6;
  const random = createSeededRandom(seed);
  const queue = new SnapshotQueue();
  const readers = Array.from({ length: 3 }, () => ({ position: 0, text: "" }));
  let all = "";
  let largest = 0;
  for (let step = 0; step < 3000; step++) {
    if (random.below(3) === 0) {
      const piece = String.fromCharCode(97 + (step % 26)).repeat(1 + random.below(50));
      queue.append(Buffer.from(piece));
      all += piece;
      largest = Math.max(largest, piece.length);
    }
    const reader = readers[random.below(readers.length)] as { position: number; text: string };
    const most = random.below(40);
    const read = Buffer.concat(queue.read(reader.position, most)).toString();
    expect(read.length, `seed ${seed}`).toBe(Math.min(most, all.length - reader.position));
    reader.text += read;
    reader.position += read.length;
    const first = Math.min(...readers.map(({ position }) => position));
    queue.drop(first);
    // Pieces go whole.
    expect(queue.waitingBytes, `seed ${seed}`).toBeGreaterThanOrEqual(all.length - first);
    expect(queue.waitingBytes, `seed ${seed}`).toBeLessThanOrEqual(all.length - first + largest);
    expect(queue.end).toBe(all.length);
  }
  for (const { text, position } of readers) expect(text, `seed ${seed}`).toBe(all.slice(0, position));
});

test("no room, no bytes", () => {
  const queue = new SnapshotQueue();
  queue.append(Buffer.from("abc"));
  expect(queue.read(0, -5)).toEqual([]);
  expect(Buffer.concat(queue.read(1, 1)).toString()).toBe("b");
});
