import { expect, test } from "vitest";
import { FileNumbers } from "./file-numbers.ts";
import { EMPTY_MANIFEST } from "./manifest.ts";

test("numbers begin behind those of files that are there, by kind, whether a manifest names them or not", () => {
  const numbers = new FileNumbers("a.aof");
  const strangers = ["a.aof.7.incr.aof", "a.aof.3.base.aof", "a.aof.2.base.rdb", "a.aof.manifest", "b.aof.9.incr.aof"];
  expect(numbers.passOver([...strangers, "a.aof.8.incr.aof.torn-at-12", "a.aof.x.incr.aof"])).toBe(true);
  expect(numbers.newBase(EMPTY_MANIFEST, true)).toEqual({ name: "a.aof.4.base.rdb", sequence: 4 });
  expect(numbers.newIncrement(EMPTY_MANIFEST)).toEqual({ name: "a.aof.8.incr.aof", sequence: 8 });
});

test("no number is given twice, whatever the manifest says", () => {
  const numbers = new FileNumbers("a.aof");
  expect(numbers.passOver(["a.aof", "a.aof.manifest"])).toBe(false);
  const given = [numbers.newIncrement(EMPTY_MANIFEST), numbers.newIncrement(EMPTY_MANIFEST)];
  expect(given.map(({ sequence }) => sequence)).toEqual([1, 2]);
  const manifest = { ...EMPTY_MANIFEST, increments: [{ name: "a.aof.5.incr.aof", sequence: 5 }] };
  expect(numbers.newIncrement(manifest).sequence).toBe(6);
});
