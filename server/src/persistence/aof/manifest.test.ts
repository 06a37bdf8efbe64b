import { describe, expect, test } from "vitest";
import {
  EMPTY_MANIFEST,
  formatManifest,
  type Manifest,
  nextBase,
  nextIncrement,
  parseManifest,
  withBase,
  withFile,
} from "./manifest.ts";

const FULL: Manifest = {
  base: { name: "appendonly.aof.2.base.rdb", sequence: 2 },
  history: [{ name: "appendonly.aof.1.base.rdb", sequence: 1 }],
  increments: [
    { name: "appendonly.aof.3.incr.aof", sequence: 3 },
    { name: "appendonly.aof.4.incr.aof", sequence: 4 },
  ],
};

test("a manifest reads back as it was written, in Redis' form", () => {
  const text = formatManifest(FULL);
  expect(text.split("\n")[0]).toBe("file appendonly.aof.2.base.rdb seq 2 type b");
  expect(text.split("\n")[4]).toBe("");
  expect(parseManifest(text)).toEqual(FULL);
});

test("names that need quotes get them", () => {
  const name = 'my "file" \n.aof';
  const manifest = { ...EMPTY_MANIFEST, increments: [{ name, sequence: 1 }] };
  expect(formatManifest(manifest).split("\n").length).toBe(2);
  expect(parseManifest(formatManifest(manifest))).toEqual(manifest);
});

test("comments and unknown pairs are passed over", () => {
  expect(parseManifest("# made by hand\nfile a.incr.aof seq 1 type i endoffset 7\n").increments).toEqual([
    { name: "a.incr.aof", sequence: 1 },
  ]);
});

describe("what is no manifest is refused, with the line", () => {
  test.each([
    ["", "empty"],
    ["file a seq 1 type b\nfile b seq 2 type b\n", "duplicate base file information (line 2"],
    ["file a seq 2 type i\nfile b seq 2 type i\n", "non-monotonic sequence number (line 2"],
    ["file a seq 1\n", "Invalid AOF manifest file format (line 1"],
    ["file a seq x type i\n", "Invalid AOF manifest file format"],
    ['file "a seq 1 type i\n', "Invalid AOF manifest file format"],
    ["file ../a seq 1 type i\n", "can't be a path"],
    ["file a seq 1 type z\n", "Unknown AOF file type"],
    [`file ${"a".repeat(1100)} seq 1 type i\n`, "too long line"],
  ])("%j", (text, reason) => {
    expect(() => parseManifest(text)).toThrow(reason);
  });
});

test("a rewrite turns everything before its increment into history", () => {
  const next = nextIncrement(FULL, "appendonly.aof");
  expect(nextIncrement(FULL, "appendonly.aof", 8).sequence).toBe(9);
  expect(next).toEqual({ name: "appendonly.aof.5.incr.aof", sequence: 5 });
  const base = nextBase(FULL, "appendonly.aof", true);
  expect(base).toEqual({ name: "appendonly.aof.3.base.rdb", sequence: 3 });
  const after = withBase(withFile(FULL, next), base, next);
  expect(after.base).toEqual(base);
  expect(after.increments).toEqual([next]);
  expect(after.history.map(({ name }) => name)).toEqual([
    "appendonly.aof.1.base.rdb",
    "appendonly.aof.2.base.rdb",
    "appendonly.aof.3.incr.aof",
    "appendonly.aof.4.incr.aof",
  ]);
});
