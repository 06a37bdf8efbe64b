/**
 * Reaches a port of a pod by `kubectl port-forward`, which knows every way that a kubeconfig may lead to a cluster. It works
 * with any server image, and nothing has to be run inside the pod. The local end listens on 127.0.0.1 only.
 */

import { spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import type { ObjectName } from "../kubernetes-object.ts";
import { PluginError } from "./plugin-error.ts";

export interface ForwardOptions {
  readonly context: string | undefined;
  readonly kubeconfig: string | undefined;
}

export interface Forward {
  readonly socket: Socket;
  readonly stop: () => void;
}

const START_TIMEOUT_MS = 15_000;
const FORWARDING = /^Forwarding from 127\.0\.0\.1:(\d+)/m;

export async function forwardToPod(pod: ObjectName, port: number, options: ForwardOptions): Promise<Forward> {
  const { localPort, stop } = await startForward(pod, port, options);
  const socket = connect({ host: "127.0.0.1", port: localPort, noDelay: true });
  try {
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
  } catch (error) {
    stop();
    throw new PluginError(`Cannot reach pod "${pod.name}": ${(error as Error).message}`);
  }
  socket.removeAllListeners("error");
  return { socket, stop };
}

function startForward(
  { namespace, name }: ObjectName,
  port: number,
  { context, kubeconfig }: ForwardOptions,
): Promise<{ readonly localPort: number; readonly stop: () => void }> {
  const argv = [
    ...(kubeconfig === undefined ? [] : ["--kubeconfig", kubeconfig]),
    ...(context === undefined ? [] : ["--context", context]),
    ...["-n", namespace, "port-forward", "--address", "127.0.0.1", `pod/${name}`, `:${port}`],
  ];
  const child = spawn("kubectl", argv, { stdio: ["ignore", "pipe", "pipe"] });
  // It would outlive us: a signal that ends this process does not reach it.
  process.once("exit", () => child.kill());
  let told = "";
  let complaint = "";
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      clearTimeout(timer);
      child.kill();
      reject(new PluginError(`Cannot reach pod "${name}": ${reason}`));
    };
    const timer = setTimeout(() => fail("kubectl port-forward did not get through in time"), START_TIMEOUT_MS);
    child.on("error", ({ message }) => fail(`kubectl port-forward does not start: ${message}`));
    child.on("exit", (code) => fail(complaint.trim() || `kubectl port-forward ended with exit code ${code}`));
    child.stderr.on("data", (chunk: Buffer) => {
      complaint = `${complaint}${chunk}`.slice(-1000);
    });
    child.stdout.on("data", (chunk: Buffer) => {
      // It goes on telling of each connection: only the beginning matters.
      if (told.length < 1000) told += chunk;
      const localPort = FORWARDING.exec(told)?.[1];
      if (localPort === undefined) return;
      clearTimeout(timer);
      resolve({ localPort: Number(localPort), stop: () => child.kill() });
    });
  });
}
