/** The thread of memory-release.ts. What arrives belongs to it; giving it another size of 0 frees it at once. */

import { parentPort } from "node:worker_threads";

parentPort?.on("message", (memory: ArrayBuffer) => {
  memory.transfer(0);
});
