/**
 * Whole clusters in one process for tests: many states, one seeded network and clock. Messages travel as encoded bytes
 * with random delays, in order on one link, past each other on two; links break, nodes are slow, stand still, are cut off
 * (both ways or one; what was on its way then arrives when that is over, as with TCP), crash and restart (with a new address, with or without their data) from what they had saved, which is
 * what was there at the last tick unless it had to be durable. Replication is reduced to offsets: a replica follows its
 * primary while it reaches it. What nodes keep and do beside their part in the cluster may be plugged in (`SimulatedServers`).
 */

import { createSeededRandom, type Random } from "../platform/random.ts";
import { isPrimary } from "./cluster-node.ts";
import { acceptLink, type ClusterEvent, change, step } from "./machine.ts";
import { formatNodesConf, loadNodesConf } from "./nodes-conf.ts";
import { beginLife } from "./start-guard.ts";
import { type ClusterSettings, type ClusterState, createState, type Effect, isWaitingForData } from "./state.ts";
import { TICK_MS } from "./tick.ts";

interface Pipe {
  readonly peer: SimulatedNode;
  readonly peerLink: number;
  /** Keeps the order of a stream: nothing arrives before what was sent earlier. */
  lastArrival: number;
  /** What could not arrive: it is sent again until it does, even if its sender has closed the connection. */
  readonly stuck: (() => void)[];
}

export interface SimulatedNode {
  readonly index: number;
  readonly name: string;
  ip: string;
  isUp: boolean;
  /** Side of a partition it is on. */
  side: number;
  /** Its messages take up to so much longer. */
  lagMs: number;
  /** Until then the process stands still. */
  frozenUntil: number;
  /** It takes no writes until then. */
  pausedUntil: number;
  /** Nodes that get nothing from it, though it hears them. */
  readonly unheardBy: Set<SimulatedNode>;
  /** When it last took in a message of another, be it before a restart of one of the two. */
  readonly heardAt: Map<SimulatedNode, number>;
  state: ClusterState;
  pipes: Map<number, Pipe>;
  saved: string;
  isSaveDue: boolean;
  /** Its data: how far into the shard's history, and of which primary; 0 = empty. */
  offset: number;
  linkedAt: number;
  startedAt: number;
  follows: string | undefined;
  hasKeys: boolean;
  promotions: number;
  /** Of its slot table, when somebody was last told that owners have changed. */
  seenVersion: number;
  logLines: string[];
}

/** What is told of each node to whoever simulates the rest of its server. */
export interface SimulatedServers {
  /** A process begins, before it has read its nodes.conf. */
  started(node: SimulatedNode, keepsData: boolean): void;
  crashed(node: SimulatedNode): void;
  countKeysInSlot(node: SimulatedNode, slot: number): number;
  /** A primary that serves, ten times a second. */
  served(node: SimulatedNode): void;
  /** The replica has all that its primary has. */
  copied(replica: SimulatedNode, primary: SimulatedNode): void;
  ticked(node: SimulatedNode): void;
  /** An event has been dealt with; its effects are carried out next. */
  settled(node: SimulatedNode): void;
  dropSlotKeys(node: SimulatedNode, slots: readonly number[]): void;
  ownersChanged(node: SimulatedNode): void;
  promoted(node: SimulatedNode): void;
}

const NOTHING_ELSE: SimulatedServers = {
  started: () => undefined,
  crashed: () => undefined,
  countKeysInSlot: () => 0,
  served: () => undefined,
  copied: () => undefined,
  ticked: () => undefined,
  settled: () => undefined,
  dropSlotKeys: () => undefined,
  ownersChanged: () => undefined,
  promoted: () => undefined,
};

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** The first time; then twice as long each time. */
const RETRANSMISSION_MS = 200;

export const SIMULATED_SETTINGS: ClusterSettings = {
  isEncrypted: false,
  isReplicationEncrypted: false,
  port: 6379,
  plainPort: 0,
  busPort: 16379,
  nodeTimeoutMs: 2000,
  requireFullCoverage: true,
  allowReadsWhenDown: false,
  allowShardChannelsWhenDown: true,
  replicaValidityFactor: 10,
  replicaNoFailover: false,
  manualFailoverTimeoutMs: 5000,
  replicationPingPeriodMs: 10_000,
  allowReplicaMigration: false,
  migrationBarrier: 1,
  announceIp: "",
  announcePort: 0,
  announceTlsPort: 0,
  announceBusPort: 0,
  announceHostname: "",
  announceExternalHost: "",
  announceExternalPort: 0,
  announceNodeName: "",
  preferredEndpointType: "ip",
};

export class SimulatedCluster {
  now = 1_700_000_000_000;
  readonly nodes: SimulatedNode[] = [];
  readonly random: Random;
  /** Chance that a message is lost; as on TCP, its link then breaks. */
  lossRate = 0;
  #order = 0;
  #nextIp = 1;
  #queue: Pending[] = [];
  readonly #settings: Partial<ClusterSettings>;
  #servers = NOTHING_ELSE;

  constructor(seed: number, settings: Partial<ClusterSettings> = {}) {
    this.random = createSeededRandom(seed);
    this.#settings = settings;
  }

  /** Before the first node. */
  plugIn(servers: SimulatedServers): void {
    this.#servers = servers;
  }

  addNode(): SimulatedNode {
    const index = this.nodes.length;
    const node: SimulatedNode = {
      index,
      name: `node-${index}.test`,
      ip: this.#newIp(),
      isUp: true,
      side: 0,
      lagMs: 0,
      frozenUntil: 0,
      pausedUntil: 0,
      unheardBy: new Set(),
      heardAt: new Map(),
      state: undefined as unknown as ClusterState,
      pipes: new Map(),
      saved: "",
      isSaveDue: false,
      offset: 0,
      linkedAt: 0,
      startedAt: this.now,
      follows: undefined,
      hasKeys: false,
      promotions: 0,
      seenVersion: 0,
      logLines: [],
    };
    node.state = this.#newState(node);
    this.nodes.push(node);
    this.#servers.started(node, false);
    this.#scheduleTick(node, node.state);
    return node;
  }

  /** Runs a command on a node. */
  command(node: SimulatedNode, make: (state: ClusterState) => unknown): unknown {
    let result: unknown;
    const run = (state: ClusterState) => {
      result = make(state);
    };
    this.#perform(node, change(node.state, this.now, run));
    return result;
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.#takeNext(end);
      if (next === undefined) break;
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }

  /** Runs until the condition holds; returns the milliseconds it took, or undefined after `limitMs`. */
  runUntil(limitMs: number, condition: () => boolean): number | undefined {
    const start = this.now;
    while (this.now - start < limitMs) {
      if (condition()) return this.now - start;
      this.run(50);
    }
    return condition() ? this.now - start : undefined;
  }

  crash(node: SimulatedNode): void {
    node.isUp = false;
    this.#servers.crashed(node);
    for (const [id] of node.pipes) this.#breakPipe(node, id);
  }

  restart(node: SimulatedNode, options: { readonly keepsData: boolean; readonly newIp: boolean }): void {
    if (options.newIp) node.ip = this.#newIp();
    if (!options.keepsData) {
      node.offset = 0;
      node.hasKeys = false;
    }
    node.isUp = true;
    node.frozenUntil = 0;
    node.pausedUntil = 0;
    node.isSaveDue = false;
    node.pipes = new Map();
    node.linkedAt = 0;
    node.startedAt = this.now;
    node.follows = undefined;
    node.state = this.#newState(node);
    node.seenVersion = 0;
    this.#servers.started(node, options.keepsData);
    const effects = change(node.state, this.now, (state) => {
      loadNodesConf(state, node.saved);
      beginLife(state);
    });
    this.#perform(node, effects);
    this.#scheduleTick(node, node.state);
  }

  #newIp(): string {
    const n = this.#nextIp++;
    return `10.0.${n >> 8}.${n & 255}`;
  }

  #newState(node: SimulatedNode): ClusterState {
    return createState({
      settings: { ...SIMULATED_SETTINGS, announceHostname: node.name, ...this.#settings },
      random: this.random,
      now: this.now,
      facts: {
        replicationOffset: () => node.offset,
        primaryLinkUp: () => node.linkedAt === this.now,
        // As of replication: a node that has come back without reaching its primary counts from its start.
        dataAgeMs: () => this.now - Math.max(node.linkedAt, node.startedAt),
        hasWholeCopy: () => true,
        keyspaceIsEmpty: () => !node.hasKeys,
        countKeysInSlot: (slot) => this.#servers.countKeysInSlot(node, slot),
      },
    });
  }

  #scheduleTick(node: SimulatedNode, state: ClusterState): void {
    this.at(this.random.below(TICK_MS) + 1, () => this.#tick(node, state));
  }

  #tick(node: SimulatedNode, state: ClusterState): void {
    if (!node.isUp || node.state !== state) return;
    if (node.frozenUntil > this.now) {
      this.at(node.frozenUntil - this.now, () => this.#tick(node, state));
      return;
    }
    this.#replicate(node);
    this.#perform(node, step(state, { kind: "tick" }, this.now));
    if (node.isSaveDue) save(node);
    this.#servers.ticked(node);
    this.at(TICK_MS, () => this.#tick(node, state));
  }

  /** Primaries that serve grow; replicas copy whoever they follow, as long as it acts as a primary. */
  #replicate(node: SimulatedNode): void {
    if (node.follows === undefined) {
      const isWritten = node.state.isOk && node.hasKeys && node.pausedUntil <= this.now;
      if (!isWritten || !isPrimary(node.state.myself)) return;
      node.offset += 10;
      this.#servers.served(node);
      return;
    }
    const source = this.nodes.find((other) => other.ip === node.follows);
    if (source === undefined || !this.#reaches(node, source) || isWaitingForData(source.state)) return;
    if (!isPrimary(source.state.myself)) return;
    node.offset = source.offset;
    node.hasKeys = source.hasKeys;
    node.linkedAt = this.now;
    this.#servers.copied(node, source);
  }

  /** Whether both are running and each hears the other. */
  #reaches(a: SimulatedNode, b: SimulatedNode): boolean {
    const isRunning = (node: SimulatedNode) => node.isUp && node.frozenUntil <= this.now;
    return isRunning(a) && isRunning(b) && this.hears(a, b) && this.hears(b, a);
  }

  /** Whether what `b` sends comes to `a`. */
  hears(a: SimulatedNode, b: SimulatedNode): boolean {
    return a.isUp && b.isUp && a.side === b.side && !b.unheardBy.has(a);
  }

  /** Something comes to a node, later if that stands still, never if it is not the same process any more. */
  #arrive(node: SimulatedNode, state: ClusterState, event: ClusterEvent, sender?: SimulatedNode): void {
    this.#whenRunning(node, state, () => {
      if (sender !== undefined) node.heardAt.set(sender, this.now);
      this.#perform(node, step(state, event, this.now));
    });
  }

  #whenRunning(node: SimulatedNode, state: ClusterState, run: () => void): void {
    if (node.state !== state || !node.isUp) return;
    const waitMs = node.frozenUntil - this.now;
    if (waitMs > 0) this.at(waitMs, () => this.#whenRunning(node, state, run));
    else run();
  }

  #perform(node: SimulatedNode, effects: readonly Effect[]): void {
    const { version } = node.state.table;
    this.#servers.settled(node);
    this.#carryOut(node, effects);
    if (version === node.seenVersion) return;
    node.seenVersion = version;
    this.#servers.ownersChanged(node);
  }

  #carryOut(node: SimulatedNode, effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "save":
          node.isSaveDue = true;
          if (effect.isDurable) save(node);
          break;
        case "connect":
          this.#connect(node, effect.link, effect.host);
          break;
        case "send":
          this.#send(node, effect.link, effect.bytes);
          break;
        case "close":
          this.#breakPipe(node, effect.link);
          break;
        case "resolve":
          this.#resolve(node, effect.nodeId, effect.hostname);
          break;
        case "replicateFrom":
          node.follows = effect.host;
          break;
        case "promote":
          node.follows = undefined;
          node.promotions++;
          this.#servers.promoted(node);
          break;
        case "pauseWrites":
          node.pausedUntil = effect.untilMs;
          break;
        case "resumeWrites":
          node.pausedUntil = 0;
          break;
        case "dropSlotKeys":
          this.#servers.dropSlotKeys(node, effect.slots);
          break;
        case "log":
          node.logLines.push(`${this.now % 1_000_000} ${effect.text}`);
          break;
        default:
          break;
      }
    }
  }

  #connect(node: SimulatedNode, link: number, host: string): void {
    const { state } = node;
    this.at(this.delay(node), () => {
      if (node.state !== state || !node.isUp) return;
      const peer = this.nodes.find((other) => other.ip === host && other.isUp);
      if (peer === undefined) {
        this.#arrive(node, state, { kind: "closed", link });
        return;
      }
      if (!this.hears(peer, node) || !this.hears(node, peer)) return;
      const inbound = acceptLink(peer.state, { remoteIp: node.ip, localIp: peer.ip }, this.now);
      node.pipes.set(link, { peer, peerLink: inbound.id, lastArrival: 0, stuck: [] });
      peer.pipes.set(inbound.id, { peer: node, peerLink: link, lastArrival: 0, stuck: [] });
      this.#arrive(node, state, { kind: "opened", link });
    });
  }

  #send(node: SimulatedNode, link: number, bytes: Buffer): void {
    const pipe = node.pipes.get(link);
    if (pipe === undefined) return;
    if (this.lossRate > 0 && this.random.uint32() / 2 ** 32 < this.lossRate) {
      this.at(0, () => this.#breakPipe(node, link));
      return;
    }
    const at = Math.max(this.now + this.delay(node), pipe.lastArrival);
    pipe.lastArrival = at;
    const { peer, peerLink } = pipe;
    const target = peer.state;
    this.#deliver(node, pipe, at - this.now, () => {
      this.#arrive(peer, target, { kind: "packet", link: peerLink, bytes }, node);
    });
  }

  /** Once there is a way from `node`; never if one of the two has crashed meanwhile. */
  #deliver(node: SimulatedNode, { peer, stuck }: Pipe, delayMs: number, run: () => void): void {
    const [state, peerState] = [node.state, peer.state];
    const areSame = (): boolean => node.state === state && node.isUp && peer.state === peerState && peer.isUp;
    const sendAgain = (waitedMs: number): void => {
      if (!areSame()) return;
      if (!this.hears(peer, node)) this.at(2 * waitedMs, () => sendAgain(2 * waitedMs));
      else for (const each of stuck.splice(0)) each();
    };
    this.at(delayMs, () => {
      if (!areSame()) return;
      if (stuck.length === 0 && this.hears(peer, node)) run();
      else if (stuck.push(run) === 1) this.at(RETRANSMISSION_MS, () => sendAgain(RETRANSMISSION_MS));
    });
  }

  #breakPipe(node: SimulatedNode, link: number): void {
    const pipe = node.pipes.get(link);
    if (pipe === undefined) return;
    node.pipes.delete(link);
    if (node.isUp) this.#perform(node, step(node.state, { kind: "closed", link }, this.now));
    const { peer, peerLink } = pipe;
    const peerState = peer.state;
    const closed = (): void => {
      if (peer.state !== peerState || !peer.isUp || !peer.pipes.delete(peerLink)) return;
      this.#arrive(peer, peerState, { kind: "closed", link: peerLink });
    };
    if (node.isUp) this.#deliver(node, pipe, this.delay(node), closed);
    // The machine of a process that is no more says so.
    else this.at(this.delay(node), closed);
  }

  #resolve(node: SimulatedNode, nodeId: string, hostname: string): void {
    const { state } = node;
    this.at(this.delay(node), () => {
      const address = this.nodes.find((other) => other.name === hostname && other.isUp)?.ip;
      this.#arrive(node, state, { kind: "resolved", nodeId, address });
    });
  }

  /** What is done by a node's process later: when it goes on if it stands still then, never if it is no more. */
  after(node: SimulatedNode, delayMs: number, run: () => void): void {
    const { state } = node;
    this.at(delayMs, () => this.#whenRunning(node, state, run));
  }

  /** How long something takes from `sender` to another node. */
  delay(sender: SimulatedNode): number {
    return 1 + this.random.below(5 + sender.lagMs);
  }

  at(delayMs: number, run: () => void): void {
    const item = { at: this.now + delayMs, order: this.#order++, run };
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#queue[middle] as Pending;
      if (other.at < item.at || (other.at === item.at && other.order < item.order)) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, item);
  }

  #takeNext(end: number): Pending | undefined {
    const first = this.#queue[0];
    return first !== undefined && first.at <= end ? this.#queue.shift() : undefined;
  }
}

function save(node: SimulatedNode): void {
  node.saved = formatNodesConf(node.state);
  node.isSaveDue = false;
}
