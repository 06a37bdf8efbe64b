import { expect, test } from "vitest";
import { fillDisk } from "./full-disk.ts";

const FULL_MS = Math.min(600_000, Number(process.env.CALLS || 60_000));
/** From the moment there is room again. */
const LONGEST_RECOVERY_MS = 5000;

test.each(["always", "everysec"] as const)(`a disk that is full for ${FULL_MS} ms under load, %s`, async (policy) => {
  const report = await fillDisk(FULL_MS, policy);
  process.stdout.write(`${policy}: ${JSON.stringify(report)}\n`);
  expect(report.readsWhileFull).toBeGreaterThan(0);
  expect(report.recoveryMs).toBeLessThan(LONGEST_RECOVERY_MS);
});
