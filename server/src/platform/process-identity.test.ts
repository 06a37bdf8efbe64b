/** Processes told apart beyond their ids, on the system itself. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { processIdentity } from "./process-identity.ts";

test("a running process has an identity that stays, a process id nobody has has none", () => {
  const mine = processIdentity(process.pid);
  expect(mine).toMatchObject({ processId: process.pid, startedAt: expect.stringMatching(/^\d+$/) });
  expect(processIdentity(process.pid)).toEqual(mine);
  expect(processIdentity(2 ** 31 - 1)).toBeUndefined();
});

test("a process that ended but was not waited for yet has none: it holds nothing any more", async () => {
  // The child ends when it is told to, which is when the shell, who would wait for it, has become another program.
  const script = "exec 3<&0; (read line <&3) & echo $!; exec sleep 60";
  const parent = spawn("sh", ["-c", script], { stdio: ["pipe", "pipe", "ignore"] });
  try {
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const child = Number(line.toString());
    await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, "latin1"), { timeout: 5000 }).toBe("sleep\n");
    parent.stdin.write("\n");
    await expect.poll(() => readFileSync(`/proc/${child}/stat`, "latin1"), { timeout: 5000 }).toContain(") Z ");
    expect(processIdentity(child)).toBeUndefined();
  } finally {
    parent.kill("SIGKILL");
  }
});
