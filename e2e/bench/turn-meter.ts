/**
 * Loaded into a server under measurement (`--import`): keeps the longest turn of its event loop, in CPU time of the thread.
 * That is how long everybody waits for the server itself; a probe from outside also sees how long the machine let the server
 * wait, on two busy cores tens of milliseconds. At SIGUSR2 the milliseconds go to the file that TURN_METER_FILE names, and
 * it begins anew.
 */

import { writeFileSync } from "node:fs";
import { WASI } from "node:wasi";

/** A module that has nothing but a page of memory, for the clock to write to. */
const ONE_PAGE = [0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 1, 7, 10, 1, 6, 109, 101, 109, 111, 114, 121, 2, 0];
const THREAD_CPU_CLOCK = 3;

/** As much of WebAssembly as is needed: its types come with those of browsers only. */
interface WasmRuntime {
  instantiate(bytes: Uint8Array): Promise<{ instance: { exports: { memory: { buffer: ArrayBuffer } } } }>;
}

const file = process.env.TURN_METER_FILE;

/** `process.threadCpuUsage` is wrong by up to a tick of the kernel, 4 ms; WASI gives the thread's own clock. */
async function threadClock(): Promise<() => number> {
  const wasi = new WASI({ version: "preview1" });
  const runtime = (globalThis as unknown as { WebAssembly: WasmRuntime }).WebAssembly;
  const { instance } = await runtime.instantiate(Uint8Array.from(ONE_PAGE));
  wasi.initialize(instance);
  const result = new DataView(instance.exports.memory.buffer);
  const read = wasi.wasiImport.clock_time_get as (clock: number, precision: bigint, target: number) => number;
  return () => {
    read(THREAD_CPU_CLOCK, 0n, 0);
    return Number(result.getBigUint64(0, true)) / 1e6;
  };
}

async function startMeter(target: string): Promise<void> {
  const cpuMs = await threadClock();
  let last = cpuMs();
  let longest = 0;
  const measure = (): void => {
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = now;
    // Once a turn; unreferenced, it lets the loop sleep while there is nothing to do.
    setImmediate(measure).unref();
  };
  measure();
  process.on("SIGUSR2", () => {
    writeFileSync(target, String(longest));
    longest = 0;
    // Else the turn that the signal came in counts, and that may be the start of the server.
    last = cpuMs();
  });
}

if (file !== undefined) await startMeter(file);
