/**
 * All six nodes of a cluster die at once and come back on other addresses, as pods do: known to each other by name only. It is
 * measured how long it takes until all is well again without anybody's help.
 */

import { createSeededRandom, type Random } from "../platform/random.ts";
import { pause } from "../testing/acknowledged-writes.ts";
import { SIZE } from "../testing/fleet.ts";
import { NamespaceNetwork } from "../testing/network-namespaces.ts";
import { checkTimes, directivesOf, type FailoverOptions, FailoverStage, inWords } from "./failover-stage.ts";

/** What is promised, from the start of the processes. */
const HEALTHY_MS = 10_000;

const LOADED_MS = 1000;
/** The name service may know the new addresses only after the nodes have started. */
const LONGEST_LAG_MS = 1000;
const FREE_NUMBERS = 200;

/** Gives the figures; throws with what was lost. Healthy: each node is ok, all agree, replicas follow and writers write. */
export async function moveCluster({ seed, rounds, nodeTimeoutMs, isTimed }: FailoverOptions): Promise<string> {
  const random = createSeededRandom(seed);
  const network = new NamespaceNetwork(SIZE);
  const [healthyMs, reformedMs]: [number[], number[]] = [[], []];
  try {
    const stage = new FailoverStage(network.places((index) => directivesFor(network, index, nodeTimeoutMs)));
    const { fleet, load } = stage;
    const round = async (number: number): Promise<void> => {
      load.beginRound(number);
      await pause(LOADED_MS);
      await load.stop();
      await Promise.all(fleet.nodes.map((node) => node.kill()));
      network.readdress(newNumbers(network.numbers, random));
      const lagMs = random.below(LONGEST_LAG_MS);
      if (lagMs < LONGEST_LAG_MS / 2) network.publish();
      const startedMs = Date.now();
      const started = Promise.all(fleet.nodes.map((node) => node.start()));
      await pause(lagMs);
      network.publish();
      load.start();
      await started;
      const readyMs = Date.now();
      await Promise.all([fleet.isWhole(), ...stage.shards.map((shard) => stage.resumeMs(shard, startedMs))]);
      healthyMs.push(Date.now() - startedMs);
      reformedMs.push(Date.now() - readyMs);
      await load.verify();
    };
    return await stage.play(async () => {
      for (let number = 1; number <= rounds; number++) await round(number);
      await stage.verifyAll();
      const figures = `${inWords("healthy again", healthyMs)}; ${inWords("after the last was ready", reformedMs)}`;
      const writes = `${load.acknowledged} writes acknowledged by a replica`;
      const text = `${rounds} moves of all nodes at once, seed ${seed}: ${figures}; ${writes}`;
      if (isTimed) checkTimes(text, healthyMs, HEALTHY_MS);
      return text;
    });
  } finally {
    network.remove();
  }
}

/** What a write was answered for must be there again after the power cut of all: each waits for its disk. */
function directivesFor(network: NamespaceNetwork, index: number, nodeTimeoutMs: number): string[] {
  const own = [
    "--cluster-announce-hostname",
    network.hostname(index),
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
  ];
  return [...directivesOf(index, nodeTimeoutMs), ...own];
}

/** The same ones in another order, where each gets one that was another's; or new ones. */
function newNumbers(numbers: readonly number[], random: Random): number[] {
  if (random.below(2) === 0) {
    const turn = 1 + random.below(numbers.length - 1);
    return numbers.map((_, n) => numbers[(n + turn) % numbers.length] as number);
  }
  const fresh = new Set<number>();
  while (fresh.size < numbers.length) {
    const number = 1 + random.below(FREE_NUMBERS);
    if (!numbers.includes(number)) fresh.add(number);
  }
  return [...fresh];
}
