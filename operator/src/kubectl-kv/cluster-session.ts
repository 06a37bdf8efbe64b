/**
 * One session on a whole cluster, as `redis-cli -c` has it: a command goes to the server that the last one ended at, and on
 * to where MOVED or ASK point. Redirections name host names, whose first label is the pod; addresses are known from the pods.
 */

import { RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import type { CommandArgument } from "@kvcluster/protocol/resp-encoder";
import type { OpenServer } from "./log-in.ts";
import type { ServerLink } from "./server-link.ts";
import type { ServerPod } from "./world.ts";

export interface ClusterSession {
  /** The pod that the next command goes to. */
  readonly at: string;
  command(words: readonly CommandArgument[]): Promise<RespValue>;
  close(): void;
}

export interface SessionOptions {
  readonly open: OpenServer;
  readonly pods: readonly ServerPod[];
  readonly start: string;
  /** Stays at one server otherwise, and shows where it points. */
  readonly follows: boolean;
}

const MAX_REDIRECTIONS = 5;

export async function clusterSession({ open, pods, start, follows }: SessionOptions): Promise<ClusterSession> {
  const links = new Map<string, ServerLink>();
  let at = start;
  const linkTo = async (pod: string): Promise<ServerLink> => {
    const link = links.get(pod) ?? (await open(pod));
    links.set(pod, link);
    return link;
  };
  const tell = async (link: ServerLink, words: readonly CommandArgument[]): Promise<RespValue> => {
    try {
      return await link.command(...words);
    } catch (error) {
      // The next command opens it again: the pod may have restarted.
      for (const [pod, known] of links) if (known === link) links.delete(pod);
      throw error;
    }
  };
  await linkTo(start);
  return {
    get at() {
      return at;
    },
    async command(words) {
      let reply = await tell(await linkTo(at), words);
      for (let count = 0; follows && count < MAX_REDIRECTIONS; count += 1) {
        const redirection = readRedirection(reply, pods);
        if (redirection === undefined) break;
        const link = await linkTo(redirection.pod);
        // An ASK is for this one command; the slot has not moved yet.
        if (redirection.isAsk) await tell(link, ["ASKING"]);
        else at = redirection.pod;
        reply = await tell(link, words);
      }
      return reply;
    },
    close: () => {
      for (const link of links.values()) link.close();
    },
  };
}

interface Redirection {
  readonly pod: string;
  readonly isAsk: boolean;
}

export function readRedirection(reply: RespValue, pods: readonly ServerPod[]): Redirection | undefined {
  if (!(reply instanceof RespError)) return undefined;
  const [, word, host = ""] = /^(MOVED|ASK) \d+ (.*):\d+$/.exec(reply.message) ?? [];
  if (word === undefined) return undefined;
  const [label] = host.split(".");
  const pod = pods.find(({ metadata, status }) => metadata.name === label || status?.podIP === host);
  return pod === undefined ? undefined : { pod: pod.metadata.name, isAsk: word === "ASK" };
}
