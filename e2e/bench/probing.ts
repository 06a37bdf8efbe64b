/** Runs a probe (probe.ts) beside a load, and reports how long a server holds its clients up. */

import { spawn } from "node:child_process";
import path from "node:path";
import type { ProbeResult } from "./probe.ts";
import type { MeasuredServer } from "./processes.ts";
import type { Row } from "./table.ts";

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

export interface Stall {
  /** The longest PING of a probe, in which the machine's own delays are, and the one in a thousand. */
  readonly waitMs: number;
  readonly p999Ms: number;
  /** The longest turn of the server; undefined for one without a meter. */
  readonly turnMs: number | undefined;
}

export async function stallDuring(server: MeasuredServer, load: () => Promise<void>): Promise<Stall> {
  await server.longestTurnMs();
  const { longestMs, p999Ms } = await probeDuring(server.port, load);
  return { waitMs: longestMs, p999Ms, turnMs: await server.longestTurnMs() };
}

const LONGEST_TURN = { must: 5, aim: 1 } as const;

export function turnRow(workload: string, ours: number | undefined): Row {
  const ms = { unit: "ms", isRatio: false, redis: undefined, ours: ours ?? Number.NaN } as const;
  return { workload, measure: "longest turn, CPU", ...ms, ...LONGEST_TURN };
}

/** The turn is judged by the limits of a stall; what a probe waits must not be longer than with redis-server. */
export function stallRows(workload: string, redis: Stall | undefined, ours: Stall): Row[] {
  const rows: Row[] = [turnRow(workload, ours.turnMs)];
  if (redis !== undefined) {
    const wait = {
      workload,
      measure: "longest wait of a probe",
      unit: "ms",
      isRatio: true,
      must: 1,
      aim: 0.5,
    } as const;
    rows.push({ ...wait, redis: redis.waitMs, ours: ours.waitMs });
  }
  return rows;
}
