/**
 * From a group to a cluster of one shard, in place: what to do next about it, from what is seen now. Pure; nothing is remembered.
 *
 * Held throughout: the servers start as nodes only when none of them can have taken a write since all of them saved the same.
 *  1. Each server of a group that is settled notes its place in the cluster (nodes-file.ts), which means nothing yet, but shows
 *     that it can.
 *  2. All save everything, while writes wait.
 *  3. All are held: nobody takes writes, and nobody will by himself, restart or not. Up to here the group may go on as before: its
 *     own plan makes one lead again, whatever went wrong.
 *  4. Seen to be held at the same point of the same stream, with all of it on their disks, they note their places once more, in
 *     the pass in which the StatefulSet is told. From then on they only restart.
 * A server alone has nobody to be told apart from: once it has saved, and writes wait, it may restart.
 */

import type { Action } from "./action.ts";
import type { ReachablePod } from "./cluster-view.ts";
import { isLeading } from "./group-view.ts";
import { nodesFile } from "./nodes-file.ts";
import type { Plan } from "./plan.ts";
import { hold } from "./plan-followers.ts";

export type ModeStep =
  /** Somebody has to act; the group goes on. */
  | { readonly kind: "refused"; readonly reason: "OtherDatabases"; readonly message: string }
  /** Something else comes first; the group goes on. */
  | { readonly kind: "due"; readonly message: string }
  /** With these notes written, writes wait and all is saved; then what `afterSave` says. */
  | { readonly kind: "save"; readonly notes: readonly Action[] }
  /** Nothing can change any more: with these notes the servers may restart as nodes. */
  | { readonly kind: "restart"; readonly notes: readonly Action[] };

export interface ModeChangeView {
  /** Of the group. */
  readonly plan: Plan;
  /** Pods that the group has when it is complete. */
  readonly size: number;
  /** What comes first, as far as Kubernetes and the spec say. */
  readonly obstacle: string | undefined;
}

export function planModeChange({ plan, size, obstacle }: ModeChangeView): ModeStep {
  const { pods, reachable } = plan.survey;
  const other = reachable.find(({ node }) => node.info.keysElsewhere > 0);
  if (other !== undefined) {
    const message = `Stays outside of a cluster: ${other.node.info.keysElsewhere} keys of pod "${other.pod}" are in databases other than 0, which a cluster does not have`;
    return { kind: "refused", reason: "OtherDatabases", message };
  }
  if (obstacle !== undefined) return { kind: "due", message: obstacle };
  const isComplete = pods.length === size && reachable.length === size;
  if (isComplete && isStill(reachable)) return { kind: "restart", notes: notesFor(plan) };
  if (!isComplete || !plan.isSettled) return { kind: "due", message: plan.waits[0] ?? "The group settles first" };
  return { kind: "save", notes: notesFor(plan) };
}

export type AfterSave = { readonly kind: "hold"; readonly holds: readonly Action[] } | { readonly kind: "restart" };

/** All have saved, and writes wait. The leader is held first: what it has sent arrives with the others before they are. */
export function afterSave(plan: Plan): AfterSave {
  const { reachable } = plan.survey;
  const isAlone = reachable.length === 1 && reachable.every(({ node }) => node.info.group === undefined);
  if (isAlone) return { kind: "restart" };
  const leaderFirst = [...reachable].sort((a, b) => Number(isLeading(b)) - Number(isLeading(a)));
  return { kind: "hold", holds: leaderFirst.flatMap(hold) };
}

/** Nobody takes writes, and all have the same, in memory and on their disks. */
function isStill([first, ...others]: readonly ReachablePod[]): boolean {
  if (first === undefined || !isAtRest(first)) return false;
  const { replicationId, replicationOffset } = first.node.info;
  return others.every(
    (server) =>
      isAtRest(server) &&
      server.node.info.replicationId === replicationId &&
      server.node.info.replicationOffset === replicationOffset,
  );
}

function isAtRest({ node }: ReachablePod): boolean {
  const { group, isLoading, isSaved } = node.info;
  return group?.state === "held" && group.hasWholeCopy && !isLoading && isSaved;
}

function notesFor({ survey, group }: Plan): readonly Action[] {
  const { reachable } = survey;
  const primary = reachable.find(({ pod }) => pod === group?.record.primary) ?? reachable[0];
  if (primary === undefined) return [];
  return reachable.map((server) => ({
    kind: "PrepareNodes",
    pod: server.pod,
    text: nodesFile(reachable, primary, server),
    ticket: server.node.info.group?.ticket,
  }));
}
