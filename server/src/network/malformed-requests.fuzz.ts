import { test } from "vitest";
import { expectSameAnswers, malformedPipeline } from "../testing/malformed-pipelines.ts";
import { Script } from "../testing/script.ts";
import { startServerPair } from "../testing/server-pair.ts";

const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const INPUTS = Math.min(20_000, Number(process.env.CALLS || 20_000));

test(`${INPUTS} malformed inputs from seed ${SEED} are answered as by redis-server`, async () => {
  const pair = await startServerPair();
  const script = new Script(SEED);
  try {
    const inputs = Array.from({ length: INPUTS }, () => malformedPipeline(script));
    await expectSameAnswers(pair.ports, inputs, `seed ${SEED}`);
  } finally {
    await pair.stop();
  }
});
