/** For tests: what is asked of a simulated Kubernetes, and how it is let go on. */

import { afterEach } from "vitest";
import { conditionOf, type UntimedCondition } from "../api/condition.ts";
import { type SimulatedKubernetes, startSimulatedKubernetes } from "./simulated-kubernetes.ts";

const MOST_ROUNDS = 200;

/** Starts worlds that end with the test; called at the head of a test file. */
export function worlds(): (spec?: Readonly<Record<string, unknown>>) => Promise<SimulatedKubernetes> {
  const started: SimulatedKubernetes[] = [];
  afterEach(async () => {
    for (const world of started.splice(0)) await world.stop();
  });
  return async (spec = {}) => {
    const world = await startSimulatedKubernetes(spec);
    started.push(world);
    return world;
  };
}

/** Status and reason of a condition of the cluster, "True Serving"; undefined while it has none. */
export function conditionIn(seen: SimulatedKubernetes, type: string): string | undefined {
  const status = seen.cluster().status as { readonly conditions: readonly UntimedCondition[] };
  const found = conditionOf(status, type);
  return found && `${found.status} ${found.reason}`;
}

/** Of all servers that own slots. */
export function keysOf({ servers }: SimulatedKubernetes): number {
  return servers.nodes.filter(({ slots }) => slots.length > 0).reduce((sum, { keys }) => sum + keys, 0);
}

/** So many passes, each a moment later. */
export async function go(seen: SimulatedKubernetes, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    seen.tick();
    await seen.pass();
  }
}

/** Passes until that holds, whatever goes wrong in one of them; rejects if it does not come to that. */
export async function until(seen: SimulatedKubernetes, holds: () => boolean): Promise<void> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    seen.tick();
    await seen.pass().catch(() => undefined);
    if (holds()) return;
  }
  throw new Error(`It did not come to that: ${JSON.stringify(seen.cluster().status)}`);
}
