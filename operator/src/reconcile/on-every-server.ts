/**
 * Brings something on every server of the cluster to what the spec says: users, directives. A server that does not answer is
 * left for the next pass, and one at the address of a pod that is of another cluster is left alone.
 */

import type { KvSession } from "../kv/kv-session.ts";
import { listOf } from "../status/cluster-facts.ts";
import type { Turnout } from "../status/turnout.ts";
import type { Pass } from "./step.ts";

const MOST_NAMED = 5;

/** What came of it on one server, by name. */
export interface Applied {
  readonly changed: ReadonlySet<string>;
  /** What it does not take, with its words. */
  readonly refusals: ReadonlyMap<string, string>;
}

export interface Outcome {
  /** Of the servers that answered. */
  readonly applied: readonly Applied[];
  readonly turnout: Turnout;
}

/** `what` is for the log. */
export async function onEveryServer(
  { podViews, sessions, dependencies }: Pass,
  what: string,
  apply: (session: KvSession, pod: string) => Promise<Applied>,
): Promise<Outcome> {
  const outcomes = podViews.map(async ({ pod, node }): Promise<readonly Applied[]> => {
    const session = node === undefined ? undefined : sessions.get(pod);
    if (session === undefined) return [];
    try {
      return [await apply(session, pod)];
    } catch (error) {
      dependencies.log.warn(`Failed to apply ${what}`, { pod, error });
      return [];
    }
  });
  const applied = (await Promise.all(outcomes)).flat();
  return { applied, turnout: { servers: podViews.length, unheard: podViews.length - applied.length } };
}

/** Of all servers; where several refuse, the words of one. */
export function refusalsIn(applied: readonly Applied[]): ReadonlyMap<string, string> {
  return new Map(applied.flatMap(({ refusals }) => [...refusals]));
}

export interface AppliedEvent {
  readonly action: string;
  readonly reason: string;
  /** Before the names. */
  readonly note: string;
}

/** Tells of what was changed, if anything was. */
export function tellChanges(
  { cluster, dependencies }: Pass,
  applied: readonly Applied[],
  { action, reason, note: what }: AppliedEvent,
): void {
  const names = [...new Set(applied.flatMap(({ changed }) => [...changed]))];
  if (names.length === 0) return;
  const note = `${what}: ${listOf(names, MOST_NAMED)}`;
  dependencies.log.info(note, { reason });
  dependencies.events.record({ regarding: cluster, action, type: "Normal", reason, note });
}
