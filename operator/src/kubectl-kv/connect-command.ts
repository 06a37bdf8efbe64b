/**
 * `kubectl kv connect`: a session with a cluster like redis-cli's, or one command whose reply is printed. It goes through the
 * API server, so it works from outside of Kubernetes, and follows keys to whichever server has them.
 */

import { RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { ROLE_LABEL } from "../api/labels.ts";
import { isPodReady } from "../pod-readiness.ts";
import type { CommandRow, Invocation } from "./arguments.ts";
import { type ClusterSession, clusterSession } from "./cluster-session.ts";
import { commandWords } from "./command-words.ts";
import type { Context } from "./context.ts";
import { serverOpener } from "./log-in.ts";
import { explain, PluginError } from "./plugin-error.ts";
import { readCluster, readPods } from "./read-world.ts";
import { replyForPeople, replyForPipe } from "./reply-text.ts";
import type { ServerPod } from "./world.ts";

export const CONNECT: CommandRow = {
  name: "connect",
  words: ["NAME"],
  takesRest: true,
  summary: "type commands to the cluster, or run one",
  help: "Opens a session with a cluster, or runs the one command after `--`. Commands go to the server that has their keys.\nThe password is read from the cluster's Secret.",
  options: [
    { name: "pod", value: "POD", help: "stay at this server" },
    { name: "raw", help: "print replies plainly also to a terminal" },
  ],
};

/** These never stop answering, or do not answer: a session that expects one reply to each command cannot show them. */
const STREAMS: ReadonlySet<string> = new Set(["subscribe", "psubscribe", "ssubscribe", "monitor", "sync", "psync"]);
const ENDS: ReadonlySet<string> = new Set(["quit", "exit"]);

export async function runConnect(context: Context, invocation: Invocation): Promise<void> {
  const [name = ""] = invocation.words;
  const cluster = await readCluster(context, name);
  const pods = await readPods(context, name);
  const pod = invocation.text("pod");
  const start = pod ?? startOf(pods, name);
  if (!pods.some(({ metadata }) => metadata.name === start)) {
    const known = pods.map(({ metadata }) => metadata.name).join(", ");
    throw new PluginError(`"${name}" has no pod "${start}": there are ${known}`);
  }
  const open = await serverOpener(context, cluster);
  const session = await clusterSession({ open, pods, start, follows: pod === undefined });
  const isFormatted = context.terminal.isScreen && !invocation.has("raw");
  const print = (reply: RespValue) => {
    context.terminal.write(isFormatted ? replyForPeople(reply) : replyForPipe(reply));
  };
  try {
    if (invocation.rest.length > 0) await runOne(session, invocation.rest, print);
    else await converse(context, session, print);
  } finally {
    session.close();
  }
}

function startOf(pods: readonly ServerPod[], cluster: string): string {
  const ready = pods.filter(isPodReady);
  const best = ready.find(({ metadata }) => metadata.labels?.[ROLE_LABEL] === "primary") ?? ready[0];
  if (best === undefined)
    throw new PluginError(`No server of "${cluster}" is ready: see "kubectl kv status ${cluster}"`);
  return best.metadata.name;
}

type Print = (reply: RespValue) => void;

async function runOne(session: ClusterSession, words: readonly string[], print: Print): Promise<void> {
  const refusal = refusalOf(words[0]);
  if (refusal !== undefined) throw new PluginError(refusal);
  const reply = await session.command(words);
  if (reply instanceof RespError) throw new PluginError(reply.message);
  print(reply);
}

async function converse({ terminal, readLines }: Context, session: ClusterSession, print: Print): Promise<void> {
  for await (const line of readLines(() => `${session.at}> `)) {
    const words = commandWords(line);
    const [first] = words ?? [];
    if (words === undefined) {
      terminal.warn("Quotes do not match up\n");
      continue;
    }
    if (first === undefined) continue;
    const command = first.toString("utf8");
    if (ENDS.has(command.toLowerCase())) return;
    const refusal = refusalOf(command);
    if (refusal !== undefined) {
      terminal.warn(`${refusal}\n`);
      continue;
    }
    try {
      print(await session.command(words));
    } catch (error) {
      terminal.warn(`${explain(error)}\n`);
    }
  }
}

function refusalOf(command = ""): string | undefined {
  if (!STREAMS.has(command.toLowerCase())) return undefined;
  return `${command.toUpperCase()} is not for this session: use redis-cli with "kubectl port-forward pod/POD 6379"`;
}
