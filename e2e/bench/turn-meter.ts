/**
 * Loaded into a server under measurement (`--import`): keeps the longest turn of its event loop, in CPU time of the thread.
 * That is how long everybody waits for the server itself; a probe from outside also sees how long the machine let the server
 * wait, on two busy cores tens of milliseconds. At SIGUSR2 the milliseconds go to the file that TURN_METER_FILE names, and
 * it begins anew.
 */

import { writeFileSync } from "node:fs";

const file = process.env.TURN_METER_FILE;

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function startMeter(target: string): void {
  let last = cpuMs();
  let longest = 0;
  const measure = (): void => {
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = now;
    setImmediate(() => void setTimeout(measure, 0).unref());
  };
  measure();
  process.on("SIGUSR2", () => {
    writeFileSync(target, String(longest));
    longest = 0;
    // Else the turn that the signal came in counts, and that may be the start of the server.
    last = cpuMs();
  });
}

if (file !== undefined) startMeter(file);
