/**
 * How a replica takes the place of its primary, and how primaries vote.
 *
 * A replica of a failed primary waits half a second and a random bit (so that the verdict spreads), plus a second for
 * each replica with a higher offset; then it raises the current epoch and asks all primaries for their vote. A primary
 * votes once an epoch and for one replica of a shard in two timeouts, and only against a primary it knows to be failed, unless
 * the failover is a manual one. A majority makes it the primary, with the election's epoch as its configuration epoch.
 * A replica that does not hold its shard's data never stands by itself (start-guard.ts).
 */

import { MESSAGE_FLAG } from "./bus-message.ts";
import { type ClusterNode, hasFlag, isFailed, isPrimary, isReplica, labelOf, NODE_FLAG } from "./cluster-node.ts";
import { isDisowned } from "./disowned-slots.ts";
import { broadcast, broadcastPong, send, sendToAll } from "./gossip.ts";
import { slotsOf } from "./slot-bitmap.ts";
import { sendUpdate, takeEpochUnasked } from "./slot-claims.ts";
import {
  type ClusterState,
  log,
  needsDurableSave,
  needsUpdate,
  resetManualFailover,
  turnIntoPrimary,
} from "./state.ts";
import { dropSurplus } from "./surplus-slots.ts";

const MIN_AUTH_TIMEOUT_MS = 2000;
const BASE_DELAY_MS = 500;
const RANDOM_DELAY_MS = 500;
const RANK_DELAY_MS = 1000;
const ASK_AGAIN_MS = 500;
/** Writes stay paused longer than the attempt lasts, so that the old primary cannot resume just before it is replaced. */
const MANUAL_PAUSE_FACTOR = 2;

// --- the candidate ---------------------------------------------------------------------------------------------------

export function runElection(state: ClusterState): void {
  const { myself, settings, election, now } = state;
  compareManualOffsets(state);
  const isManual = state.manual.endsAt !== 0 && state.manual.canStart;
  const primary = myself.primary;
  if (!isReplica(myself) || primary === undefined || primary.slotCount === 0) return;
  if (!isFailed(primary) && !isManual) return;
  if (!isManual && (settings.replicaNoFailover || !isDataFresh(state))) return;

  const authTimeoutMs = Math.max(settings.nodeTimeoutMs * 2, MIN_AUTH_TIMEOUT_MS);
  if (now - election.startAt > authTimeoutMs * 2) {
    scheduleElection(state, isManual);
    return;
  }
  if (!election.hasAsked && !isManual) delayIfOvertaken(state);
  if (now < election.startAt || now - election.startAt > authTimeoutMs) return;
  if (!election.hasAsked) {
    askForVotes(state, isManual);
    return;
  }
  if (election.votes.size < Math.floor(state.size / 2) + 1) {
    askAgain(state, isManual);
    return;
  }
  log(state, "notice", `Failover election won in epoch ${election.epoch}: I am the new primary`);
  if (myself.configEpoch < election.epoch) myself.configEpoch = election.epoch;
  replacePrimary(state);
}

/** Whether this node's data may become the shard's without a human asking for it. */
function isDataFresh(state: ClusterState): boolean {
  const { settings, facts } = state;
  if (!state.guard.holdsShardData) return false;
  const dataAgeMs = facts.dataAgeMs();
  if (settings.replicaValidityFactor === 0) return Number.isFinite(dataAgeMs);
  const ageMs = Math.max(0, dataAgeMs - settings.nodeTimeoutMs);
  return ageMs <= settings.replicationPingPeriodMs + settings.nodeTimeoutMs * settings.replicaValidityFactor;
}

function scheduleElection(state: ClusterState, isManual: boolean): void {
  const { election, now } = state;
  election.votes.clear();
  election.hasAsked = false;
  election.rank = isManual ? 0 : rankOf(state);
  const delayMs = BASE_DELAY_MS + state.random.below(RANDOM_DELAY_MS) + election.rank * RANK_DELAY_MS;
  election.startAt = isManual ? now : now + delayMs;
  log(state, "notice", `Start of election in ${election.startAt - now} ms (rank ${election.rank})`);
  if (isManual) state.pending.election = true;
  broadcastPong(state, "shard");
}

function delayIfOvertaken(state: ClusterState): void {
  const { election } = state;
  const rank = rankOf(state);
  if (rank <= election.rank) return;
  election.startAt += (rank - election.rank) * RANK_DELAY_MS;
  election.rank = rank;
}

/** How many other replicas of the same primary have more of the data. */
function rankOf(state: ClusterState): number {
  const offset = state.facts.replicationOffset();
  const others = state.myself.primary?.replicas ?? [];
  const isAhead = (node: ClusterNode) =>
    node !== state.myself && !hasFlag(node, NODE_FLAG.noFailover | NODE_FLAG.failed) && node.offset > offset;
  return others.filter(isAhead).length;
}

function askForVotes(state: ClusterState, isManual: boolean): void {
  const { election } = state;
  state.currentEpoch++;
  election.epoch = state.currentEpoch;
  // Its own vote: elected, it is asked for one itself, and two may not win in one epoch.
  state.lastVoteEpoch = state.currentEpoch;
  state.votedFor = state.myself.id;
  election.hasAsked = true;
  election.askedAt = state.now;
  needsDurableSave(state);
  log(state, "notice", `Starting a failover election for epoch ${election.epoch}`);
  broadcast(state, { type: "authRequest" }, isManual ? MESSAGE_FLAG.forceAck : 0);
}

/**
 * Those that have not answered: request or vote may have been lost with a connection, or they have heard of the failure only
 * since, and the next election is seconds away. Ours give the same vote again, Redis gives it once.
 */
function askAgain(state: ClusterState, isManual: boolean): void {
  const { election, now } = state;
  if (now - election.askedAt < ASK_AGAIN_MS || state.currentEpoch !== election.epoch) return;
  election.askedAt = now;
  const isWanted = (node: ClusterNode) => isPrimary(node) && node.slotCount > 0 && !election.votes.has(node.id);
  const voters = [...state.nodes.values()].filter(isWanted);
  sendToAll(state, voters, { type: "authRequest" }, isManual ? MESSAGE_FLAG.forceAck : 0);
}

export function receiveVote(state: ClusterState, voter: ClusterNode, voterEpoch: number): void {
  const { election } = state;
  if (!isPrimary(voter) || voter.slotCount === 0 || !election.hasAsked || voterEpoch < election.epoch) return;
  election.votes.add(voter.id);
  state.pending.election = true;
}

function replacePrimary(state: ClusterState): void {
  const { myself } = state;
  const old = myself.primary;
  turnIntoPrimary(state, myself);
  if (old !== undefined) for (const slot of slotsOf(old.slots)) state.table.assign(slot, myself);
  dropSurplus(state);
  state.guard.holdsShardData = true;
  state.outbox.push({ kind: "promote" });
  needsDurableSave(state);
  needsUpdate(state);
  broadcastPong(state, "all");
  resetManualFailover(state);
}

// --- the voter -------------------------------------------------------------------------------------------------------

export interface VoteRequest {
  readonly candidate: ClusterNode;
  readonly currentEpoch: number;
  readonly configEpoch: number;
  readonly slots: Uint8Array;
  readonly isForced: boolean;
}

export function answerVoteRequest(state: ClusterState, request: VoteRequest): void {
  if (isReplica(state.myself) || state.myself.slotCount === 0) return;
  const { candidate } = request;
  if (hasVotedFor(state, candidate) && request.currentEpoch === state.currentEpoch) {
    send(state, candidate.link, { type: "authAck" });
    return;
  }
  const refusal = refuseVote(state, request);
  if (refusal !== undefined) {
    log(state, "notice", `Failover vote denied to ${labelOf(candidate)}: ${refusal}`);
    return;
  }
  const newer = newerOwnerOf(state, request);
  if (newer !== undefined) {
    log(state, "notice", `Failover vote denied to ${labelOf(candidate)}: slots have a newer owner`);
    // Perhaps its own primary, which died before it could tell of a new epoch: told by nobody, it would ask in vain for ever.
    sendUpdate(state, candidate.link, newer);
    return;
  }
  if (candidate.primary !== undefined) {
    candidate.primary.votedAt = state.now;
    candidate.primary.votedFor = candidate.id;
  }
  state.lastVoteEpoch = state.currentEpoch;
  state.votedFor = candidate.id;
  needsDurableSave(state);
  log(state, "notice", `Failover vote granted to ${labelOf(candidate)} for epoch ${state.currentEpoch}`);
  send(state, candidate.link, { type: "authAck" });
}

/** In this epoch. The same vote given again is no second one. */
function hasVotedFor(state: ClusterState, candidate: ClusterNode): boolean {
  return state.votedFor === candidate.id && state.lastVoteEpoch === state.currentEpoch;
}

function refuseVote(state: ClusterState, request: VoteRequest): string | undefined {
  const { settings, now } = state;
  const primary = request.candidate.primary;
  if (request.currentEpoch < state.currentEpoch) return "request of an old epoch";
  if (state.lastVoteEpoch === state.currentEpoch) return "already voted in this epoch";
  if (!isReplica(request.candidate) || primary === undefined) return "it is not a replica of a known primary";
  const isDown = isFailed(primary) || (primary === state.myself && state.guard.isHolding);
  if (!request.isForced && !isDown) return "its primary is up";
  // That is so that the winner can tell of itself before another asks; it may ask again itself.
  const isBound = primary.votedFor !== request.candidate.id && now - primary.votedAt < settings.nodeTimeoutMs * 2;
  if (isBound) return "voted for this shard a moment ago";
  return undefined;
}

/** Who owns one of the slots that the candidate asks for since a later epoch than it knows of. */
function newerOwnerOf(state: ClusterState, { slots, configEpoch }: VoteRequest): ClusterNode | undefined {
  for (const slot of slotsOf(slots)) {
    const owner = state.table.ownerOf(slot);
    if (owner !== undefined && owner.configEpoch > configEpoch && !isDisowned(state, slot)) return owner;
  }
  return undefined;
}

// --- manual failover -------------------------------------------------------------------------------------------------

export type ManualMode = "normal" | "force" | "takeover";

/** On the replica. The caller has checked that this is one and that its primary may be replaced. */
export function startManualFailover(state: ClusterState, mode: ManualMode): void {
  const { manual, myself } = state;
  resetManualFailover(state);
  manual.endsAt = state.now + state.settings.manualFailoverTimeoutMs;
  if (mode === "takeover") {
    log(state, "notice", "Taking over the primary (user request)");
    takeEpochUnasked(state);
    replacePrimary(state);
    return;
  }
  state.election.startAt = 0;
  if (mode === "force") {
    log(state, "notice", "Forced failover (user request)");
    manual.canStart = true;
    state.pending.election = true;
    return;
  }
  log(state, "notice", "Manual failover (user request)");
  send(state, myself.primary?.link, { type: "manualFailoverStart" });
}

/** On the primary: stop writes, so that the replica can catch up with a fixed offset. */
export function acceptManualFailover(state: ClusterState, replica: ClusterNode): void {
  const { manual, now, settings } = state;
  if (replica.primary !== state.myself) return;
  resetManualFailover(state);
  manual.endsAt = now + settings.manualFailoverTimeoutMs;
  manual.replica = replica;
  log(state, "notice", `Manual failover requested by replica ${labelOf(replica)}`);
  const pauseMs = settings.manualFailoverTimeoutMs * MANUAL_PAUSE_FACTOR;
  state.outbox.push({ kind: "pauseWrites", untilMs: now + pauseMs });
}

/** On the replica: the primary has said where it stopped. */
export function noteManualOffset(state: ClusterState, sender: ClusterNode, offset: number, isPaused: boolean): void {
  const { manual, myself } = state;
  if (manual.endsAt === 0 || !isPaused || myself.primary !== sender || manual.primaryOffset !== -1) return;
  manual.primaryOffset = offset;
  state.pending.election = true;
}

function compareManualOffsets(state: ClusterState): void {
  const { manual } = state;
  if (manual.endsAt === 0 || manual.canStart || manual.primaryOffset === -1) return;
  if (manual.primaryOffset === state.facts.replicationOffset()) manual.canStart = true;
}

export function expireManualFailover(state: ClusterState): void {
  if (state.manual.endsAt === 0 || state.now <= state.manual.endsAt) return;
  log(state, "warning", "Manual failover timed out");
  resetManualFailover(state);
}
