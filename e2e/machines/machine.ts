/**
 * What is done to machines of the local Kubernetes, by its scripts: power, cables, the API server, disks. A node is a number from
 * 1 on; its machine and its Kubernetes node are both named n1 and so on.
 */
import { join } from "node:path";
import { mustRun, run } from "../harness/kubectl.ts";
import type { Server } from "./servers.ts";

const SCRIPTS = join(import.meta.dirname, "../local-kubernetes");

export const scriptPath = (name: string): string => join(SCRIPTS, name);
const script = (name: string, ...argv: readonly (string | number)[]) => mustRun(scriptPath(name), argv.map(String));

export const powerOff = (node: number) => script("node-down", node);
export const powerOn = (node: number) => script("node-up", node);
export const pullCable = (node: number) => script("cable", "out", node);
export const plugCable = (node: number) => script("cable", "in", node);
/** Two nodes that do not reach each other, but everybody else. */
export const divide = (one: number, other: number) => script("cable", "apart", one, other);
export const unite = (one: number, other: number) => script("cable", "together", one, other);
export const stopApiServer = () => script("api-server", "stop");
export const startApiServer = () => script("api-server", "start");
export const makeDisks = (node: number, count: number, megabytes: number) => script("disks", node, count, megabytes);

/** In the machine of a Kubernetes node, named n1 and so on. */
export const inside = (machine: string, ...argv: readonly string[]) =>
  mustRun(scriptPath("inside"), [machine, ...argv]);
export const tryInside = (machine: string, ...argv: readonly string[]) => run(scriptPath("inside"), [machine, ...argv]);

/** By SIGKILL: it has no time to hand anything over. */
export async function killServer(server: Server | undefined): Promise<void> {
  if (server?.container === undefined) throw new Error(`Cannot kill "${server?.pod}": it does not run`);
  await inside(server.machine, "ctr", "-n", "k8s.io", "tasks", "kill", "-s", "SIGKILL", server.container);
}
