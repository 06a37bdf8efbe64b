// kubectl-kv: kubectl runs it for `kubectl kv …`. Here the doors are real: kubeconfig, HTTP, kubectl, terminal.
import { createInterface } from "node:readline";
import { KubeClient } from "../kube/client.ts";
import { httpTransport } from "../kube/http-transport.ts";
import { loadKubeConfig } from "../kube/kube-config.ts";
import { CLIENT_PORT } from "../resources/manifest.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Context, Terminal } from "./context.ts";
import { forwardToPod } from "./pod-forward.ts";
import { type Choice, runPlugin } from "./run.ts";
import { secureSocket } from "./secure-socket.ts";
import { serverLink } from "./server-link.ts";

/** Whose changes these are, in the managed fields of what is made or changed. */
const FIELD_MANAGER = "kubectl-kv";
/** Of a terminal that does not say. */
const DEFAULT_COLUMNS = 80;

const terminal: Terminal = {
  write: (text) => process.stdout.write(text),
  warn: (text) => process.stderr.write(text),
  isScreen: process.stdout.isTTY === true,
  columns: () => process.stdout.columns || DEFAULT_COLUMNS,
};

function open({ namespace, context, kubeconfig }: Choice): Context {
  const loaded = loadKubeConfig({ path: kubeconfig, context });
  const transport = httpTransport(loaded.endpoint, systemClock);
  return {
    client: new KubeClient(transport, FIELD_MANAGER),
    transport,
    namespace: namespace ?? loaded.namespace ?? "default",
    terminal,
    clock: systemClock,
    openServer: async (pod, secrets) => {
      const { socket, stop } = await forwardToPod(pod, CLIENT_PORT, { context, kubeconfig });
      try {
        const secured = secrets === undefined ? socket : await secureSocket(socket, pod.name, secrets);
        return serverLink(secured, pod.name, stop);
      } catch (error) {
        stop();
        throw error;
      }
    },
    readLines,
  };
}

async function* readLines(prompt: () => string): AsyncGenerator<string> {
  const isTyped = process.stdin.isTTY === true && terminal.isScreen;
  const lines = createInterface({ input: process.stdin, ...(isTyped ? { output: process.stdout } : {}) });
  const ask = () => {
    if (!isTyped) return;
    lines.setPrompt(prompt());
    lines.prompt();
  };
  ask();
  try {
    for await (const line of lines) {
      yield line;
      ask();
    }
  } finally {
    // Else a terminal that nobody reads keeps the process alive after `quit`.
    lines.close();
    process.stdin.destroy();
  }
}

// An exit, unlike a signal, ends what was started to reach the pods.
for (const [signal, number] of [
  ["SIGHUP", 1],
  ["SIGINT", 2],
  ["SIGTERM", 15],
] as const) {
  process.once(signal, () => process.exit(128 + number));
}
// Whoever reads our output may have seen enough (`| head`).
process.stdout.on("error", () => process.exit(0));
process.exitCode = await runPlugin(process.argv.slice(2), terminal, open);
