/**
 * Primaries of a cluster of six are killed under load, one after the other: after each, writes to its slots go on at its
 * replica, and it comes back as a replica of that one and catches up before the next is killed. Every fourth comes back at
 * once, as a container does, before anybody misses it, with the data that it has on its disk.
 */

import { createSeededRandom } from "../platform/random.ts";
import { pause } from "../testing/acknowledged-writes.ts";
import { SHARDS } from "../testing/fleet.ts";
import {
  checkTimes,
  type FailoverOptions,
  FailoverStage,
  inWords,
  localPlaces,
  PROMISED_MS,
} from "./failover-stage.ts";

const ROUNDS_PER_QUICK_RETURN = 4;
const LONGEST_LIFE_MS = 1000;
const LONGEST_DEATH_MS = 500;

/** Gives the figures; throws with what was lost. */
export async function killPrimaries({ seed, rounds, nodeTimeoutMs, isTimed }: FailoverOptions): Promise<string> {
  const random = createSeededRandom(seed);
  const stage = new FailoverStage(await localPlaces(random, nodeTimeoutMs));
  const { fleet, load } = stage;
  const [resumeMs, rejoinMs, quickMs]: [number[], number[], number[]] = [[], [], []];

  const round = async (number: number): Promise<void> => {
    const shard = random.below(SHARDS);
    const victim = await fleet.primaryOfShard(shard);
    const isBackAtOnce = number % ROUNDS_PER_QUICK_RETURN === 0;
    load.beginRound(number);
    await pause(random.below(LONGEST_LIFE_MS));
    const killedMs = Date.now();
    const resumed = stage.resumeMs(shard, killedMs);
    await victim.kill();
    if (!isBackAtOnce) resumeMs.push(await resumed);
    await pause(random.below(LONGEST_DEATH_MS));
    const restartedMs = Date.now();
    await victim.start();
    if (isBackAtOnce) quickMs.push(await resumed);
    await fleet.isWhole();
    const primary = await fleet.primaryOf(victim);
    if (primary === victim && !isBackAtOnce) throw new Error(`Node ${victim.index} came back as a primary`);
    await stage.caughtUp(victim, primary);
    if (!isBackAtOnce) rejoinMs.push(Date.now() - restartedMs);
    await load.verify(number);
  };

  return stage.play(async () => {
    for (let number = 1; number <= rounds; number++) await round(number);
    await stage.verifyAll();
    const { acknowledged, accepted } = load;
    const figures = [
      inWords("writes resumed", resumeMs),
      inWords("back and caught up", rejoinMs),
      inWords("writes resumed where it came back at once", quickMs),
    ].join("; ");
    const writes = `${acknowledged} writes acknowledged by a replica, ${accepted} without`;
    const text = `${rounds} kills, seed ${seed}: ${figures}; ${writes}`;
    if (isTimed) checkTimes(text, resumeMs, nodeTimeoutMs + PROMISED_MS);
    return text;
  });
}
