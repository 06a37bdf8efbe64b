/** Random calls beside redis-server while compaction moves every block of ours again and again, in slices between them. */

import { type RandomCommandsResult, runRandomCommands } from "./random-commands.ts";
import { startServerPair } from "./server-pair.ts";

const SLICE_MS = 0.05;
const INTERVAL_MS = 1;

export interface CompactingResult extends RandomCommandsResult {
  readonly movedBlocks: number;
}

export async function runCompacting(options: { seed: number; calls: number }): Promise<CompactingResult> {
  const pair = await startServerPair();
  const { compaction } = pair.ours.context.keyspace;
  const timer = setInterval(() => {
    compaction.startOnEverything();
    compaction.run(SLICE_MS);
  }, INTERVAL_MS);
  try {
    const result = await runRandomCommands({ ports: pair.ports, ...options });
    return { ...result, movedBlocks: compaction.hits };
  } finally {
    clearInterval(timer);
    await pair.stop();
  }
}
