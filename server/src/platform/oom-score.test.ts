import fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OomScore } from "./oom-score.ts";

let directory: string;
let file: string;
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(tmpdir(), "kv-oom-"));
  file = path.join(directory, "oom_score_adj");
  fs.writeFileSync(file, "100\n");
});
afterEach(() => fs.rmSync(directory, { recursive: true }));

const score = () => Number(fs.readFileSync(file, "latin1"));

test("adds to what was there, or takes its place, and puts it back", () => {
  const oom = new OomScore(file);
  oom.apply("no", 10);
  expect(score()).toBe(100);
  oom.apply("yes", 10);
  expect(score()).toBe(110);
  oom.apply("relative", 15);
  expect(score()).toBe(115);
  oom.apply("absolute", 15);
  expect(score()).toBe(15);
  oom.apply("no", 0);
  expect(score()).toBe(100);
});

test("stays within what Linux takes", () => {
  const oom = new OomScore(file);
  oom.apply("relative", 2000);
  expect(score()).toBe(1000);
  oom.apply("absolute", -2000);
  expect(score()).toBe(-1000);
});

test("says that it cannot be set", () => {
  fs.rmSync(file);
  expect(() => new OomScore(file).apply("yes", 1)).toThrow(/ENOENT/);
});
