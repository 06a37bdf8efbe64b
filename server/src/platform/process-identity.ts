/** Who a process is beyond its id, which is used again and again: its start time, and the boot of the machine it counts from. */

import { readFileSync } from "node:fs";

export interface ProcessIdentity {
  readonly processId: number;
  readonly bootId: string;
  readonly startedAt: string;
}

/** Fields of /proc/<id>/stat behind the process' name; the start time is the 20th of them. */
const START_TIME_FIELD = 19;

/** Undefined if there is no such process, or the system does not tell. */
export function processIdentity(processId: number): ProcessIdentity | undefined {
  try {
    const status = readFileSync(`/proc/${processId}/stat`, "latin1");
    const startedAt = status.slice(status.lastIndexOf(")") + 2).split(" ")[START_TIME_FIELD] ?? "";
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    return { processId, bootId, startedAt };
  } catch {
    return undefined;
  }
}
