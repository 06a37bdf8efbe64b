/** Who a process is beyond its id, which is used again and again: its start time, and the boot of the machine it counts from. */

import { readFileSync } from "node:fs";

export interface ProcessIdentity {
  readonly processId: number;
  readonly bootId: string;
  readonly startedAt: string;
}

/** Fields of /proc/<id>/stat behind the process' name: the state is the 1st, the start time the 20th of them. */
const STATE_FIELD = 0;
const START_TIME_FIELD = 19;
/** Ended (zombie, dead): its files and ports are closed, only its parent has not asked for the exit code yet. */
const ENDED_STATES = "ZXx";

/** Undefined if no such process runs, or the system does not tell. */
export function processIdentity(processId: number): ProcessIdentity | undefined {
  try {
    const status = readFileSync(`/proc/${processId}/stat`, "latin1");
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
    if (ENDED_STATES.includes(fields[STATE_FIELD] ?? "")) return undefined;
    const startedAt = fields[START_TIME_FIELD] ?? "";
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    return { processId, bootId, startedAt };
  } catch {
    return undefined;
  }
}
