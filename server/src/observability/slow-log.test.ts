import { expect, test } from "vitest";
import type { SlowCommand } from "./slow-log.ts";
import { SlowLog } from "./slow-log.ts";

function command(args: readonly string[]): SlowCommand {
  return {
    argumentCount: args.length,
    argument(index, limit) {
      const whole = Buffer.from(args[index] as string);
      return { bytes: whole.subarray(0, limit), length: whole.length };
    },
    timestampSeconds: 1,
    durationUs: 20000,
    clientAddress: "127.0.0.1:1",
    clientName: "me",
  };
}

test("keeps the newest entries first, up to the limit, with growing ids", () => {
  const log = new SlowLog(() => 2);
  for (const key of ["a", "b", "c"]) log.add(command(["GET", key]));
  expect(log.length).toBe(2);
  expect(log.newest(-1).map((entry) => [entry.id, String(entry.args[1])])).toEqual([
    [2, "c"],
    [1, "b"],
  ]);
  log.reset();
  expect(log.newest(10)).toEqual([]);
  log.add(command(["PING"]));
  expect(log.newest(1)[0]?.id).toBe(3);
});

test("cuts long arguments and many arguments", () => {
  const log = new SlowLog(() => 10);
  log.add(command(["SET", "k", "x".repeat(200)]));
  expect(String(log.newest(1)[0]?.args[2])).toBe(`${"x".repeat(128)}... (72 more bytes)`);
  log.add(command(Array.from({ length: 40 }, (_, index) => String(index))));
  const args = log.newest(1)[0]?.args ?? [];
  expect(args).toHaveLength(32);
  expect(String(args[31])).toBe("... (9 more arguments)");
});
