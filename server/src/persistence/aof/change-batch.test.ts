import { expect, test } from "vitest";
import { ChangeBatch } from "./change-batch.ts";

const LARGE_BYTES = 3 << 20;

test("changes of any size come out in order, as one piece where they are small", () => {
  const batch = new ChangeBatch();
  const add = (bytes: Buffer): void => batch.append(bytes, 0, bytes.length);
  const small = Array.from({ length: 50 }, (_, k) => Buffer.alloc(1000, k));
  for (const bytes of small) add(bytes);
  expect(batch.pieces).toEqual([Buffer.concat(small)]);
  const large = Buffer.alloc(LARGE_BYTES, "l");
  add(large);
  add(small[7] as Buffer);
  expect(Buffer.concat(batch.pieces).equals(Buffer.concat([...small, large, small[7] as Buffer]))).toBe(true);
  batch.clear();
  expect([batch.isEmpty, batch.pieces]).toEqual([true, []]);
});

test("memory that was taken is not written to any more, memory that was not is used again", () => {
  const batch = new ChangeBatch();
  const first = Buffer.from("first");
  batch.append(first, 0, first.length);
  const shown = batch.pieces[0] as Buffer;
  batch.clear();
  batch.append(first, 1, 3);
  expect(batch.pieces[0]?.buffer).toBe(shown.buffer);
  const taken = batch.take();
  batch.append(first, 0, first.length);
  expect(Buffer.concat(taken).toString()).toBe("ir");
  expect(batch.isEmpty).toBe(false);
});
