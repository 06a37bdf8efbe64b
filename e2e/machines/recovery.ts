/** When a cluster is well again: Ready with all of its pods, and written to in every range of slots, and so for a while. */
import { setTimeout as delay } from "node:timers/promises";
import { getObject } from "../harness/kubectl.ts";
import type { Load } from "../harness/load.ts";
import { checkReady, type KVCluster, type Scene } from "../harness/scene.ts";

/** Longer than it takes the operator to see that something is wrong. */
const STEADY_MS = 5_000;
const LOOK_EVERY_MS = 1_000;
const WRITTEN_WITHIN_S = 1.5;

/** Milliseconds until it was well and stayed so; undefined when the time was over first. */
export async function recover(
  scene: Scene,
  cluster: string,
  load: Load,
  withinMs: number,
): Promise<number | undefined> {
  const began = performance.now();
  let wellSince: number | undefined;
  for (;;) {
    const now = performance.now();
    const complaint = await look(scene, cluster, load);
    if (complaint !== undefined) wellSince = undefined;
    else wellSince ??= now;
    if (wellSince !== undefined && performance.now() - wellSince >= STEADY_MS) return Math.round(wellSince - began);
    if (wellSince === undefined && now - began > withinMs) {
      process.stderr.write(`not well: ${complaint}\n`);
      return undefined;
    }
    await delay(LOOK_EVERY_MS);
  }
}

async function look(scene: Scene, name: string, load: Load): Promise<string | undefined> {
  try {
    checkReady(await getObject<KVCluster>(scene.namespace, `kvc/${name}`), await scene.pods(name));
    const idle = await load.idle();
    return Math.max(...idle) <= WRITTEN_WITHIN_S ? undefined : `ranges without a write for ${idle.join(", ")} s`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
