/** Runs a probe (probe.ts) beside a load. */

import { spawn } from "node:child_process";
import path from "node:path";
import type { ProbeResult } from "./probe.ts";

/** The times of PING while `load` runs. */
export async function probeDuring(port: number, load: () => Promise<void>): Promise<ProbeResult> {
  const file = path.join(import.meta.dirname, "probe.ts");
  const child = spawn(process.execPath, ["--no-warnings", file, String(port)], { stdio: ["pipe", "pipe", "inherit"] });
  const report = (): Promise<ProbeResult> =>
    new Promise((resolve) => {
      child.stdout.once("data", (data) => resolve(JSON.parse(String(data)) as ProbeResult));
      child.stdin.write("\n");
    });
  try {
    // The first report throws away what the start of the probe itself has cost.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await report();
    await load();
    return await report();
  } finally {
    child.kill("SIGKILL");
  }
}
