/**
 * The load from outside of all nodes: on the control plane's machine, which stays when a node goes, and with pods and names in
 * reach. redis-py is put into the tree's cache once.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { mustRun, variables } from "../harness/kubectl.ts";
import { type Load, loadEnvironment, startLoad } from "../harness/load.ts";
import type { Scene } from "../harness/scene.ts";
import { scriptPath } from "./machine.ts";

const CLIENTS = join(import.meta.dirname, "../clients");
const REDIS_PY = join(import.meta.dirname, "../../.cache/redis-py");

export async function loadOnMachine(scene: Scene, cluster: string, copies: number): Promise<Load> {
  if (!existsSync(REDIS_PY)) await mustRun(join(CLIENTS, "redis-py"), [REDIS_PY]);
  const pods = await scene.pods(cluster);
  const hosts = pods.map(({ metadata }) => `${metadata.name}.${cluster}-nodes.${scene.namespace}.svc.cluster.local`);
  const settings = { hosts, password: await scene.password(cluster), copies, writesPerSecond: 300 };
  const environment = { ...loadEnvironment(settings), PYTHONPATH: REDIS_PY };
  return startLoad(scriptPath("in"), [
    "cp",
    "--",
    "env",
    ...variables(environment),
    "python3",
    join(CLIENTS, "load.py"),
  ]);
}
