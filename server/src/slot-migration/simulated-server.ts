/**
 * For tests: what a simulated node keeps and does beside its part in the cluster, with the moves of its slots run by the code of
 * servers. Data is abstract: of a few slots, the numbers of the writes that were taken. A primary streams them to its imports'
 * targets; its replicas copy all it has, and hear in order what it says of its imports; a replica that cannot go on where it was
 * is told of the imports under way, as with a full sync.
 */

import { RespDecoder, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import type { SimulatedCluster, SimulatedNode } from "../cluster/simulated-cluster.ts";
import { SEEN_SLOTS } from "../cluster/simulated-invariants.ts";
import type { SlotRange } from "../cluster/slot-bitmap.ts";
import { type ClusterState, replicationAddress } from "../cluster/state.ts";
import { forgetSurplus, returnedSlots } from "../cluster/surplus-slots.ts";
import { silentLogger } from "../observability/logger.ts";
import { type MigrationJob, slotsInRange } from "./migration-job.ts";
import { refuseImport, refuseMoves } from "./move-rules.ts";
import { NodeMoves, type SourcePorts, type TargetPorts } from "./node-moves.ts";
import type { SimulatedStreams, StreamEnd, StreamEvents } from "./simulated-streams.ts";
import type { SlotExport, SnapshotOutcome, TargetLink } from "./slot-export.ts";
import type { SlotImport } from "./slot-import.ts";
import type { SourceConnection } from "./slot-migrations.ts";

/** Those that the invariants of the cluster look at, without the first slot of all: each shard keeps its first. */
export const MOVING_SLOTS: readonly number[] = SEEN_SLOTS.slice(1);

/** The writes to a slot, the latest first. Never changed, so copies share it. */
export interface Writes {
  readonly id: number;
  readonly before: Writes | undefined;
}

/** What a primary has said to its replicas, the latest first. */
interface Words {
  readonly text: readonly string[];
  readonly before: Words | undefined;
}

/** A history of data that replicas can go on with. */
interface Lineage {
  readonly parent: Lineage | undefined;
  /** Up to there it is the parent's. */
  readonly since: number;
  /** Nothing of the parent's can be had any more. */
  readonly isWithoutPast: boolean;
}

interface Session {
  readonly state: ClusterState;
  readonly position: number;
  readonly heardAtMs: number;
}

export interface SimulatedServerParts {
  readonly cluster: SimulatedCluster;
  readonly streams: SimulatedStreams;
  readonly serverOf: (node: SimulatedNode) => SimulatedServer;
  /** The node has these writes now. */
  readonly has: (node: SimulatedNode, id: number) => void;
}

const TIMEOUT_MS = 8000;
const PAUSE_MS = 5000;
const LONGEST_SWEEP_MS = 300;
const LONGEST_PIECE_MS = 100;

export class SimulatedServer {
  readonly node: SimulatedNode;
  keys = new Map<number, Writes>();
  moves: NodeMoves;
  /** Slots whose keys its primary was deleting, having lost them, of which this replica has not heard, or knows nothing any more. */
  readonly unmarked = new Set<number>();
  readonly #parts: SimulatedServerParts;
  #words: Words | undefined;
  #lineage: Lineage = createLineage();
  #promotions = 0;
  #position = 0;
  readonly #sessions = new Map<SimulatedNode, Session>();
  readonly #listeners = new Map<MigrationJob, SlotExport>();
  readonly #sweeping = new Set<number>();
  #isSnapshotUnderWay = false;

  constructor(node: SimulatedNode, parts: SimulatedServerParts) {
    this.node = node;
    this.#parts = parts;
    this.moves = this.#createMoves();
  }

  /** A process begins. */
  start(keepsData: boolean): void {
    this.#parts.streams.started(this.node);
    if (!keepsData) {
      this.keys = new Map();
      this.#words = undefined;
      this.#lineage = createLineage();
    }
    // Who follows goes on where it was, or has everything sent anew.
    else if (!this.#isReplica) this.#lineage = createLineage(this.#lineage, this.#position, true);
    this.#sessions.clear();
    this.#listeners.clear();
    this.#sweeping.clear();
    this.#isSnapshotUnderWay = false;
    this.moves = this.#createMoves();
  }

  /** Takes a write, as a primary that serves. */
  write(slot: number, id: number): void {
    this.#add(slot, id);
    const bytes = encodeWrite(slot, id);
    for (const [job, work] of this.#listeners) if (job.slots.has(slot)) work.change(bytes, 0, bytes.length);
  }

  get mayWrite(): boolean {
    return !this.moves.holdsWrites;
  }

  has(slot: number, id: number): boolean {
    for (let write = this.keys.get(slot); write !== undefined; write = write.before) if (write.id === id) return true;
    return false;
  }

  /** As its replica: has all that `primary` has from now on. */
  copy(primary: SimulatedServer): void {
    primary.#noteRole();
    const isResumed = this.#mayGoOnWith(primary);
    const known = isResumed ? this.#words : primary.#words;
    if (this.#lineage !== primary.#lineage || !isResumed) this.moves.migrations.streamReplaced();
    if (!isResumed) primary.moves.migrations.announceAll();
    this.#noteUnmarked(primary);
    for (const slot of MOVING_SLOTS) this.#copySlot(slot, primary.keys.get(slot));
    this.#lineage = primary.#lineage;
    this.#position = primary.#position;
    const news: Words[] = [];
    for (let words = primary.#words; words !== known; words = words?.before)
      if (words !== undefined) news.unshift(words);
    this.#words = primary.#words;
    for (const { text } of news) this.#hear(text);
    const { cluster } = this.#parts;
    const session = { state: this.node.state, position: this.#position };
    cluster.after(primary.node, cluster.delay(this.node), () => {
      primary.#sessions.set(this.node, { ...session, heardAtMs: cluster.now });
      primary.moves.migrations.progressed();
    });
  }

  #noteUnmarked(primary: SimulatedServer): void {
    const { leftovers, surplus } = this.node.state;
    this.unmarked.clear();
    for (const slot of primary.keys.keys()) {
      const isLeaving = primary.#sweeping.has(slot) || primary.unmarked.has(slot);
      if (isLeaving && !leftovers.has(slot) && !surplus.has(slot)) this.unmarked.add(slot);
    }
  }

  /** A replica is no more, and its machine has said so. */
  lose(replica: SimulatedNode): void {
    this.#sessions.delete(replica);
  }

  sweep(slots: readonly number[]): void {
    const { cluster } = this.#parts;
    for (const slot of slots) this.#sweeping.add(slot);
    cluster.after(this.node, cluster.random.below(LONGEST_SWEEP_MS), () => {
      if (this.#isReplica) this.#sweeping.clear();
      const done = slots.filter((slot) => this.#sweeping.has(slot));
      this.#delete(done);
      cluster.command(this.node, (state) => forgetSurplus(state, done));
    });
  }

  dropReturned(): void {
    const { state } = this.node;
    const slots = returnedSlots(state);
    if (slots.length === 0) return;
    this.#delete(slots);
    for (const slot of slots) state.surplus.delete(slot);
    this.node.isSaveDue = true;
  }

  /** A source has connected. */
  accept(end: StreamEnd): StreamEvents {
    let receiver: ((bytes: Buffer) => void) | undefined;
    const connection: SourceConnection = {
      send: (bytes) => end.write(bytes),
      destroy: () => end.destroy(),
      takeOver: (taker) => {
        receiver = taker;
      },
    };
    return {
      received: (bytes) => {
        if (receiver !== undefined) receiver(bytes);
        else for (const words of commandsIn(bytes)) this.#establish(connection, words);
      },
      closed: () => this.moves.migrations.forget(connection),
    };
  }

  get #isReplica(): boolean {
    return this.node.follows !== undefined;
  }

  #createMoves(): NodeMoves {
    const { cluster } = this.#parts;
    const { node } = this;
    return new NodeMoves({
      clock: { nowMs: () => cluster.now, monotonicUs: () => cluster.now * 1000 },
      ...{ logger: silentLogger, state: node.state, change: (make) => void cluster.command(node, make) },
      newName: () => cluster.random.hex(40),
      maxRemembered: () => 10,
      timeoutMs: () => TIMEOUT_MS,
      failoverTimeoutMs: () => PAUSE_MS,
      isReplica: () => this.#isReplica,
      countKeys: (slot) => (this.keys.has(slot) ? 1 : 0),
      isSweeping: (slot) => this.#sweeping.has(slot),
      tellReplicas: (bytes) => {
        this.#changed();
        for (const text of commandsIn(bytes)) this.#words = { text, before: this.#words };
      },
      released: () => undefined,
      sourcePorts: (job, work) => this.#sourcePorts(job, work),
      targetPorts: (_, work) => this.#targetPorts(work),
    });
  }

  #sourcePorts(job: MigrationJob, work: () => SlotExport): SourcePorts {
    const { cluster, streams, serverOf } = this.#parts;
    const { node } = this;
    return {
      connect: (events) => {
        const target = node.state.nodes.get(job.nodes?.target ?? "");
        const host = (target === undefined ? undefined : replicationAddress(node.state, target)?.host) ?? "nowhere";
        const end = streams.connect(node, host, events, (peer, other) => serverOf(peer).accept(other));
        return { unsentBytes: 0, write: (bytes) => end.write(Buffer.from(bytes)), destroy: () => end.destroy() };
      },
      credentials: () => ({ user: "", password: "" }),
      limits: () => ({ timeoutMs: TIMEOUT_MS, maxHeldBytes: 0, pauseBelowBytes: 0, pauseMs: PAUSE_MS }),
      startSnapshot: (link, outcome) => this.#startSnapshot(job, link, outcome),
      listen: (isOn) => {
        if (isOn) this.#listeners.set(job, work());
        else this.#listeners.delete(job);
      },
      mayHoldWrites: () => cluster.random.below(4) > 0,
      soon: (run) => cluster.after(node, 0, run),
    };
  }

  #startSnapshot(job: MigrationJob, link: TargetLink, outcome: SnapshotOutcome) {
    const { cluster } = this.#parts;
    if (this.#isSnapshotUnderWay || cluster.random.below(4) === 0) return undefined;
    this.#isSnapshotUnderWay = true;
    const pieces = [...job.slots].map((slot) =>
      Buffer.concat(idsOf(this.keys.get(slot)).map((id) => encodeWrite(slot, id))),
    );
    let isAborted = false;
    const goOn = (): void => {
      if (isAborted) return;
      const piece = pieces.shift();
      if (piece === undefined) {
        outcome.ended();
        return;
      }
      if (piece.length > 0) link.write(piece);
      cluster.after(this.node, cluster.random.below(LONGEST_PIECE_MS), goOn);
    };
    cluster.after(this.node, cluster.random.below(LONGEST_PIECE_MS), goOn);
    const finish = (): void => {
      this.#isSnapshotUnderWay = false;
    };
    return {
      finish,
      abort: () => {
        isAborted = true;
        finish();
      },
    };
  }

  #targetPorts(work: () => SlotImport): TargetPorts {
    const { cluster } = this.#parts;
    return {
      apply: (bytes) => {
        for (const [name, first, second] of commandsIn(bytes)) {
          if (name === "SET") this.#add(Number(first), Number(second));
          else work().told((second ?? "").toLowerCase());
        }
        return bytes.length;
      },
      neededBytes: () => 0,
      refusal: () => undefined,
      position: () => ({ replicated: this.#position, appended: 0 }),
      isKept: ({ replicated }) =>
        [...this.#sessions].every(([replica, { state, position, heardAtMs }]) => {
          const isOnline = replica.state === state && replica.follows === this.node.ip;
          return !isOnline || cluster.now - heardAtMs > TIMEOUT_MS || position >= replicated;
        }),
      requestAcknowledgements: () => undefined,
    };
  }

  #establish(connection: SourceConnection, words: readonly string[]): void {
    const { state } = this.node;
    const { migrations } = this.moves;
    const { name, sourceId, ranges } = establishRequest(words);
    const slots = ranges.flatMap(slotsInRange);
    const refusal = refuseMoves(state) ?? refuseImport(state, migrations, { name, sourceId, slots });
    if (refusal === undefined) migrations.establish(connection, { name, sourceId, ranges });
    else connection.send(Buffer.from(`-${refusal}\r\n`));
  }

  /** A word of the primary's. */
  #hear(text: readonly string[]): void {
    const { migrations } = this.moves;
    const value = (name: string): string => (text.includes(name) ? (text[text.indexOf(name) + 1] ?? "") : "");
    if (text[2] === "ESTABLISH") migrations.follow(value("NAME"), establishRequest(text).ranges);
    else migrations.followed(value("NAME"), value("STATE") === "success", value("MESSAGE"));
  }

  #add(slot: number, id: number): void {
    this.#changed();
    this.keys.set(slot, { id, before: this.keys.get(slot) });
    this.#parts.has(this.node, id);
  }

  #copySlot(slot: number, writes: Writes | undefined): void {
    const own = this.keys.get(slot);
    if (own === writes) return;
    if (writes === undefined) this.keys.delete(slot);
    else this.keys.set(slot, writes);
    for (let write = writes; write !== undefined && write !== own; write = write.before)
      this.#parts.has(this.node, write.id);
  }

  #delete(slots: readonly number[]): void {
    for (const slot of slots) {
      this.#sweeping.delete(slot);
      if (this.keys.delete(slot)) this.#changed();
    }
  }

  /** The stream to replicas gets longer. */
  #changed(): void {
    this.#noteRole();
    this.#position++;
    this.node.offset++;
  }

  #noteRole(): void {
    if (this.#promotions === this.node.promotions) return;
    this.#promotions = this.node.promotions;
    this.#lineage = createLineage(this.#lineage, this.#position);
    this.#sessions.clear();
  }

  #mayGoOnWith(primary: SimulatedServer): boolean {
    const { parent, since, isWithoutPast } = primary.#lineage;
    if (this.#lineage === primary.#lineage) return this.#position <= primary.#position;
    if (parent === undefined || this.#lineage !== parent) return false;
    return isWithoutPast ? this.#position === since : this.#position <= since;
  }
}

function createLineage(parent?: Lineage, since = 0, isWithoutPast = false): Lineage {
  return { parent, since, isWithoutPast };
}

export function encodeWrite(slot: number, id: number): Buffer {
  return encodeCommand(["SET", slot, id]);
}

/** From the first on. */
export function idsOf(writes: Writes | undefined): number[] {
  const ids: number[] = [];
  for (let write = writes; write !== undefined; write = write.before) ids.push(write.id);
  return ids.reverse();
}

/** What is sent at once is whole commands here. */
function commandsIn(bytes: Buffer): string[][] {
  const decoder = new RespDecoder();
  decoder.push(bytes);
  const commands: string[][] = [];
  for (let value = decoder.next(); value !== undefined; value = decoder.next()) {
    commands.push((value as RespValue[]).map(String));
  }
  return commands;
}

function establishRequest(words: readonly string[]): { name: string; sourceId: string; ranges: SlotRange[] } {
  const value = (name: string): string => words[words.indexOf(name) + 1] ?? "";
  const slots = words.slice(words.indexOf("SLOTSRANGE") + 1).map(Number);
  const ranges: SlotRange[] = [];
  for (let n = 0; n + 1 < slots.length; n += 2) ranges.push({ start: slots[n] ?? 0, end: slots[n + 1] ?? 0 });
  return { name: value("NAME"), sourceId: value("SOURCE"), ranges };
}
