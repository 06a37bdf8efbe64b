import { expect, test } from "vitest";
import { FakeClock } from "../platform/fake-clock.ts";
import type { LogLevel } from "./logger.ts";
import { createLogger } from "./logger.ts";

function startLog(level: LogLevel) {
  const lines: string[] = [];
  const clock = new FakeClock(new Date(2026, 0, 3, 4, 5, 6, 7).getTime());
  const logger = createLogger({
    clock,
    processId: 42,
    role: () => "M",
    level: () => level,
    write: (line) => lines.push(line),
  });
  return { logger, lines };
}

test("a line has pid, role, local time, level sign and message", () => {
  const { logger, lines } = startLog("notice");
  logger.notice("Ready to accept connections");
  logger.warning("Something is odd");
  expect(lines).toEqual([
    "42:M 03 Jan 2026 04:05:06.007 * Ready to accept connections\n",
    "42:M 03 Jan 2026 04:05:06.007 # Something is odd\n",
  ]);
});

test("lines below the level are dropped and long ones are cut", () => {
  const { logger, lines } = startLog("warning");
  logger.debug("a");
  logger.notice("b");
  logger.warning("x".repeat(5000));
  expect(lines).toHaveLength(1);
  expect(lines[0]?.length).toBeLessThan(1100);
});
