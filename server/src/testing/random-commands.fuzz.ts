import { expect, test } from "vitest";
import { runRandomCommands } from "./random-commands.ts";
import { startServerPair } from "./server-pair.ts";

const CALLS = Number(process.env.CALLS || 200_000);
const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const PROGRESS_EVERY = 100_000;

test(`${CALLS} random calls from seed ${SEED} are answered as by redis-server`, async () => {
  const pair = await startServerPair();
  let shown = 0;
  try {
    const progress = (done: number): void => {
      if (done < shown + PROGRESS_EVERY) return;
      shown = done;
      process.stdout.write(`${done} calls compared\n`);
    };
    const result = await runRandomCommands({ ports: pair.ports, seed: SEED, calls: CALLS, progress });
    process.stdout.write(`${result.calls} calls of ${result.commands.length} commands, first seed ${SEED}\n`);
    expect(result.failure, result.failure).toBeUndefined();
  } finally {
    await pair.stop();
  }
});
