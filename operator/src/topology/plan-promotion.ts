/**
 * A group without a leader: one of its servers is made one. In this order, one step a pass:
 *  - a copy is chosen. All that the record names must answer, and have run since, except the one that is lost: the leader. A
 *    server that was restarted has an older copy, so it counts only where everybody answers and nothing better can come;
 *  - all servers that answer are held. From then on nothing that they acknowledge keeps a lost leader going;
 *  - where a server is silent, and Kubernetes does not say that its process is gone, its lease has to run out first;
 *  - the choice is recorded, and then told, once the others have been held anew: how long they have been held says how old the
 *    lease of a leader may be, so they count from before it began.
 * While a replica hears of the leader, that serves: only the operator does not reach it, and nothing is done.
 */

import type { Action } from "./action.ts";
import type { PodView, ReachablePod } from "./cluster-view.ts";
import {
  copyIn,
  type GroupRecord,
  type GroupSpec,
  type GroupView,
  hasWholeCopy,
  isCopyOf,
  namesAsPrimary,
} from "./group-view.ts";
import { hold } from "./plan-followers.ts";
import { NOTHING, type Step } from "./step.ts";

/** Clocks of two machines may run a little differently. */
const MARGIN_MS = 2_000;
/** A primary says something every second. */
const HEARD_SECONDS = 3;

/** A step, and what is to be remembered with it. */
export interface RecordedStep extends Step {
  readonly record: GroupRecord;
}

export function planPromotion(reachable: readonly ReachablePod[], view: GroupView, spec: GroupSpec): RecordedStep {
  const { record } = view;
  const step = (some: Partial<RecordedStep>): RecordedStep => ({ ...NOTHING, record, ...some });
  const servers = reachable.filter(({ node }) => !node.info.isLoading);
  const silent = view.pods.filter((pod) => mayRun(pod, view));
  const heard = servers.find((server) => hearsOf(server, silent));
  if (heard !== undefined) return step({ waits: [`${heard.pod} hears of its primary, which does not answer here`] });
  const choice = choose(servers, view);
  if (typeof choice === "string") return step({ waits: [choice] });
  const [unsure] = silent;
  if (unsure !== undefined && record.primary !== undefined && !hasRunSince(choice, record)) {
    return step({ waits: [`Waiting for ${unsure.pod}, which may have a better copy`] });
  }
  const unfenced = silent.find(({ pod }) => view.unfenced.has(pod));
  if (unfenced !== undefined) return step({ waits: [`${unfenced.pod} leads from its start and has to come back`] });
  if (silent.length > 1) return step({ waits: ["Too few servers answer to know who leads"] });
  const free = servers.filter(({ node }) => node.info.group?.state !== "held");
  if (free.length > 0) return step({ actions: free.flatMap(hold) });
  const leaseMs = spec.leaseSeconds * 1000 + MARGIN_MS;
  const [lost] = silent;
  if (lost !== undefined && servers.some(({ node }) => (node.info.group?.heldMs ?? 0) < leaseMs)) {
    return step({ waits: [`Waiting until the lease of ${lost.pod} is over`] });
  }
  return promote(choice, servers, record);
}

/**
 * Does not answer, and may serve all the same. One without a process cannot, and waits for its role when it comes back;
 * neither can a pod that has no place yet, unless it is the successor of one that had a copy.
 */
function mayRun({ pod, address, node, process }: PodView, { unfenced, record }: GroupView): boolean {
  if (node !== undefined) return false;
  if (unfenced.has(pod)) return true;
  return process !== "Gone" && (address !== undefined || record.copies.some((copy) => copy.pod === pod));
}

function hearsOf(server: ReachablePod, silent: readonly PodView[]): boolean {
  if (server.node.info.primaryHeardSeconds > HEARD_SECONDS) return false;
  return silent.some((pod) => pod.address !== undefined && namesAsPrimary(server, pod));
}

/** The server to lead, or why there is none yet. */
function choose(servers: readonly ReachablePod[], view: GroupView): ReachablePod | string {
  const { record } = view;
  if (record.primary === undefined) {
    const absent = view.pods.find(({ pod }) => !servers.some((server) => server.pod === pod));
    if (absent !== undefined) return `Nobody leads until all have answered once: waiting for ${absent.pod}`;
    return best(servers.filter(hasWholeCopy), record) ?? "No server has a whole copy";
  }
  const absent = record.copies.find(({ pod }) => !servers.some((server) => server.pod === pod));
  if (absent === undefined) return best(servers.filter(hasWholeCopy), record) ?? "No server has a whole copy";
  // One that was restarted has not what it had, and that may be with the leader only.
  const gone = record.copies.filter((copy) => !servers.some((server) => isCopyOf(copy, server)));
  if (gone.length > 1 || !isLost(absent.pod, servers, view)) {
    return `Waiting for ${absent.pod}, which may have a better copy`;
  }
  const current = servers.filter((server) => hasRunSince(server, record));
  return best(current.filter(hasWholeCopy), record) ?? `Waiting for ${absent.pod}, nobody else has its data`;
}

/** It has in memory what it had when the record was written. */
function hasRunSince(server: ReachablePod, { copies }: GroupRecord): boolean {
  return copies.some((copy) => isCopyOf(copy, server));
}

/** The leader, by the record or by those who followed it last. */
function isLost(name: string, servers: readonly ReachablePod[], { record, pods }: GroupView): boolean {
  const pod = pods.find((one) => one.pod === name);
  return record.primary === name || (pod !== undefined && servers.some((server) => namesAsPrimary(server, pod)));
}

/**
 * Copies of one stream are told apart by how far they are. Between streams, that of a server which kept running counts most,
 * then that of the leader: offsets of different streams say nothing of each other.
 */
function best(servers: readonly ReachablePod[], record: GroupRecord): ReachablePod | undefined {
  const [first, ...others] = servers;
  if (first === undefined) return undefined;
  const ids = servers.filter((server) => hasRunSince(server, record)).map(({ node }) => node.info.replicationId);
  const rank = (server: ReachablePod): readonly number[] => [
    Number(ids.includes(server.node.info.replicationId)),
    Number(server.node.info.replicationId === record.replicationId),
    server.node.info.replicationOffset,
    Number(server.pod === record.primary),
    server.node.info.keys,
    -server.ordinal,
  ];
  return others.reduce((a, b) => (isHigher(rank(b), rank(a)) ? b : a), first);
}

function isHigher(a: readonly number[], b: readonly number[]): boolean {
  const index = a.findIndex((value, at) => value !== b[at]);
  return index >= 0 && (a[index] ?? 0) > (b[index] ?? 0);
}

function promote(chosen: ReachablePod, servers: readonly ReachablePod[], record: GroupRecord): RecordedStep {
  const { group } = chosen.node.info;
  if (group === undefined) return { ...NOTHING, record, waits: [`${chosen.pod} has to restart before it can lead`] };
  const others = servers.filter((server) => server !== chosen);
  const kept = record.copies.filter((copy) => others.some((server) => isCopyOf(copy, server)));
  const isRecorded = record.primary === chosen.pod && hasRunSince(chosen, record);
  if (isRecorded && kept.length === record.copies.length - 1) {
    const lead: Action = { kind: "Lead", pod: chosen.pod, ticket: group.ticket };
    return { ...NOTHING, record, actions: [...others.flatMap(hold), lead] };
  }
  // Nobody is its successor by taking over from it: it does not lead yet.
  const next: GroupRecord = { primary: chosen.pod, replicationId: undefined, copies: [copyIn(chosen), ...kept] };
  return { ...NOTHING, record: next, waits: [`${chosen.pod} is going to lead`] };
}
