// The small pure pieces: times, numbers, slot ranges, typed lines, replies.
import { RespError } from "@kvcluster/protocol/resp-decoder";
import { describe, expect, it } from "vitest";
import { duration, grouped, parseDuration } from "./amounts.ts";
import { commandWords } from "./command-words.ts";
import { eraseLines } from "./display.ts";
import { operationLine } from "./progress-bar.ts";
import { replyForPeople, replyForPipe } from "./reply-text.ts";
import { shortRanges, slotCount } from "./slot-text.ts";

it("times are as long as kubectl writes them", () => {
  expect([0, 119, 120, 7199, 7200, 172_799, 172_800].map(duration)).toEqual([
    "0s",
    "119s",
    "2m",
    "119m",
    "2h",
    "47h",
    "2d",
  ]);
  expect(["90", "90s", "5m", "1h", "1d", "", "-5", "1.5h"].map(parseDuration)).toEqual([
    90_000,
    90_000,
    300_000,
    3_600_000,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

it("numbers are grouped by thousands", () => {
  expect([0, 999, 1000, 16384, 1234567].map(grouped)).toEqual(["0", "999", "1,000", "16,384", "1,234,567"]);
});

it("slot ranges are counted and cut", () => {
  expect([slotCount(""), slotCount("5"), slotCount("0-5460,5462")]).toEqual([0, 1, 5462]);
  expect(shortRanges("0-5460", 10)).toBe("0-5460");
  expect(shortRanges("1-2,4-5,7-8,9-10", 8)).toBe("1-2,4-5 and 2 more ranges");
});

it("a bar is full only at the end, and never leaves its frame", () => {
  const bar = (done: number, total: number) =>
    operationLine({ what: "X", message: "", progress: { done, total, unit: "u" } }).slice(14, 40);
  expect(bar(0, 10)).toBe(`[${"-".repeat(24)}]`);
  expect(bar(9999, 10_000)).toBe(`[${"#".repeat(23)}-]`);
  expect(bar(12, 10)).toBe(`[${"#".repeat(24)}]`);
  expect(bar(0, 0)).toBe(`[${"-".repeat(24)}]`);
});

it("a picture takes the place of the last one, wrapped lines counted", () => {
  expect(eraseLines("", 10)).toBe("");
  expect(eraseLines("short\n\n", 10)).toBe("\u001b[2A\u001b[J");
  expect(eraseLines(`${"x".repeat(10)}\n${"x".repeat(21)}\n`, 10)).toBe("\u001b[4A\u001b[J");
});

describe("a typed line", () => {
  const words = (line: string) => commandWords(line)?.map((word) => word.toString("latin1"));

  it("is split as redis-cli splits it", () => {
    expect(words("")).toEqual([]);
    expect(words("  set  a   b ")).toEqual(["set", "a", "b"]);
    expect(words('set "a b" "\\x00\\xff\\n\\"" \'it\\\'s \\n\'')).toEqual([
      "set",
      "a b",
      '\u0000\u00ff\n"',
      "it's \\n",
    ]);
    expect(words('set "" x')).toEqual(["set", "", "x"]);
    expect(commandWords("grüße €")?.map(String)).toEqual(["grüße", "€"]);
  });

  it.each(['"open', "'open", '"a"b', "'a'b"])("with quotes that do not match up is none: %s", (line) => {
    expect(words(line)).toBeUndefined();
  });
});

describe("replies", () => {
  const nested = [Buffer.from("a\n"), 5, null, [Buffer.from("x"), "OK"]];

  it("for people have types and numbers", () => {
    expect(replyForPeople(nested)).toBe('1) "a\\n"\n2) (integer) 5\n3) (nil)\n4) 1) "x"\n   2) OK\n');
    expect(replyForPeople(new RespError("ERR no"))).toBe("(error) ERR no\n");
    expect(replyForPeople([])).toBe("(empty array)\n");
    expect(replyForPeople(new Map([[Buffer.from("k"), 1.5]]))).toBe('1# "k" => (double) 1.5\n');
    expect(replyForPeople(true)).toBe("(true)\n");
  });

  it("for a pipe are plain lines", () => {
    expect(replyForPipe(nested)).toBe("a\n\n5\n\nx\nOK\n");
    expect(replyForPipe(new Map([[Buffer.from("k"), Buffer.from("v")]]))).toBe("k\nv\n");
  });
});
