/**
 * The cluster as the rest of the server sees it: questions about slots and nodes, changes by administrators, publish
 * fan-out. Owns the state, the bus, the file and the timer; every event goes through the state machine here and its
 * effects are carried out in order. What replication, the keyspace and pub/sub do for it comes in as ports.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import type { ClusterFacts } from "../observability/facts.ts";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import { Bus, type BusHost, type BusTransport } from "./bus.ts";
import { messageTypeOf } from "./bus-message-decode.ts";
import { isPrimary } from "./cluster-node.ts";
import { sendToAll } from "./gossip.ts";
import { acceptLink, type ClusterEvent, change, step } from "./machine.ts";
import { formatNodesConf, loadNodesConf } from "./nodes-conf.ts";
import { type NodesConfDisk, NodesConfError, NodesConfFile } from "./nodes-conf-file.ts";
import { markServedSlots, redirect, type SlotRequest } from "./redirection.ts";
import { SlotUse } from "./slot-use.ts";
import { beginLife } from "./start-guard.ts";
import {
  type ClusterSettings,
  type ClusterState,
  createState,
  type Effect,
  isWaitingForData,
  needsSave,
} from "./state.ts";
import { returnedSlots } from "./surplus-slots.ts";
import { TICK_MS } from "./tick.ts";
import { clusterFacts } from "./views.ts";

export interface ReplicationPort {
  /** Follow the server there; called again with another address when it moves. */
  replicateFrom(host: string, port: number): void;
  /** Stop following and act as a primary with the data at hand. */
  promote(): void;
  /** Bytes of the stream produced (primary) or applied (replica); kept over a restart where the RDB has it. */
  replicationOffset(): number;
  primaryLinkUp(): boolean;
  /** Time since the primary was last heard, Infinity if never since the start. */
  dataAgeMs(): number;
  hasWholeCopy(): boolean;
}

export interface SlotKeyspacePort {
  /** No key in any database; also true while a full sync has emptied it. */
  keyspaceIsEmpty(): boolean;
  countKeysInSlot(slot: number): number;
  keysInSlot(slot: number, limit: number): Buffer[];
  /** The slots are another node's now: drop their keys here (and on replicas), in slices. */
  dropSlotKeys(slots: readonly number[]): void;
  /** The same at once: the slots are to hold other keys from now on. */
  dropSlotKeysNow(slots: readonly number[]): void;
}

export interface ClusterServices {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: NodesConfDisk;
  readonly replication: ReplicationPort;
  readonly keyspace: SlotKeyspacePort;
  /** Deliver a message published on another node to the subscribers here. */
  deliver(channel: Buffer, message: Buffer, isSharded: boolean): void;
  /** Other nodes serve these slots from now on: their shard channels have no home here. */
  slotsLost(slots: readonly number[]): void;
  /** The owner of some slot has changed. */
  ownersChanged(): void;
  pauseWrites(untilMs: number): void;
  resumeWrites(): void;
  /** Address of a name now; undefined or a rejection if there is none. */
  resolve(hostname: string): Promise<string | undefined>;
  log(level: "notice" | "warning", text: string): void;
  /** nodes.conf cannot be written, so nothing may be promised any more: the process has to end. */
  fatal(error: Error): void;
}

export interface ClusterOptions {
  readonly settings: ClusterSettings;
  readonly configFile: string;
  readonly busHosts: readonly BusHost[];
  readonly busTransport: BusTransport;
  linkSendBufferLimit(): number;
}

export class Cluster {
  /** 1 for each slot that is served here without a look at the request; read for every command. */
  readonly ownedByMe = new Uint8Array(SLOT_COUNT);
  readonly slotUse = new SlotUse();
  readonly state: ClusterState;
  /** Messages of this type are not taken, as if the network had lost them; -1: all are. For tests. */
  lostMessageType = -1;
  readonly #services: ClusterServices;
  readonly #options: ClusterOptions;
  readonly #file: NodesConfFile;
  #bus: Bus | undefined;
  #stopTimer: (() => void) | undefined;
  #isSaveDue = false;
  #servedKey = "";
  /** Of the slot table, when `ownersChanged` was last told. */
  #seenVersion = 0;

  constructor(options: ClusterOptions, services: ClusterServices) {
    this.#options = options;
    this.#services = services;
    this.#file = new NodesConfFile(services.disk, options.configFile);
    const { replication, keyspace, random, clock } = services;
    this.state = createState({
      settings: options.settings,
      random,
      now: clock.nowMs(),
      facts: {
        replicationOffset: () => replication.replicationOffset(),
        primaryLinkUp: () => replication.primaryLinkUp(),
        dataAgeMs: () => replication.dataAgeMs(),
        hasWholeCopy: () => replication.hasWholeCopy(),
        keyspaceIsEmpty: () => keyspace.keyspaceIsEmpty(),
        countKeysInSlot: (slot) => keyspace.countKeysInSlot(slot),
      },
    });
  }

  /** Takes the lock on nodes.conf and reads it; throws if it is in use or corrupt. Before the data set is loaded. */
  async load(): Promise<void> {
    const text = await this.#file.open();
    if (text === undefined || text === "") {
      this.#perform(change(this.state, this.#now(), needsSave));
      this.#services.log("notice", `No cluster configuration found, I'm ${this.myId}`);
      return;
    }
    try {
      loadNodesConf(this.state, text);
    } catch (error) {
      await this.#file.close();
      const reason = (error as Error).message;
      throw new NodesConfError(`Cannot use the cluster configuration file "${this.#file.path}": ${reason}`, {
        cause: error,
      });
    }
    this.#services.log("notice", `Node configuration loaded, I'm ${this.myId}`);
  }

  /** Opens the bus on `busPort` (0: any) and begins to take part. After the data set is loaded; returns the port. */
  async start(busPort: number): Promise<number> {
    const bus = new Bus(
      {
        ...{ hosts: this.#options.busHosts, port: busPort, transport: this.#options.busTransport },
        sendBufferLimit: () => this.#options.linkSendBufferLimit(),
      },
      {
        accepted: (remoteIp, localIp) => acceptLink(this.state, { remoteIp, localIp }, this.#now()).id,
        opened: (link) => this.#step({ kind: "opened", link }),
        closed: (link) => this.#step({ kind: "closed", link }),
        packet: (link, bytes) => {
          if (messageTypeOf(bytes) !== this.lostMessageType) this.#step({ kind: "packet", link, bytes });
        },
        garbage: (link, reason) => this.#step({ kind: "garbage", link, reason }),
      },
    );
    this.#bus = bus;
    const port = await bus.listen();
    this.change(beginLife);
    this.#stopTimer = this.#services.clock.every(TICK_MS, () => this.#tick());
    return port;
  }

  async stop(): Promise<void> {
    this.#stopTimer?.();
    this.#saveNow();
    const bus = this.#bus;
    this.#bus = undefined;
    await bus?.stop();
    await this.#file.close();
  }

  get myId(): string {
    return this.state.myself.id;
  }

  get isOk(): boolean {
    return this.state.isOk;
  }

  /**
   * Whether a replica may copy this node. Not one that waits for its data; and not a blank one that nobody in the
   * cluster follows: it sits at an address where the replica's primary was before, and would wipe it out.
   */
  get mayBeSyncedFrom(): boolean {
    const { myself, facts } = this.state;
    if (isWaitingForData(this.state)) return false;
    return !isPrimary(myself) || myself.slotCount > 0 || myself.replicas.length > 0 || !facts.keyspaceIsEmpty();
  }

  facts(): ClusterFacts {
    return clusterFacts(this.state);
  }

  get linkLimitExceeded(): number {
    return this.#bus?.limitExceeded ?? 0;
  }

  unsentBytes(link: number): number {
    return this.#bus?.unsentBytes(link) ?? 0;
  }

  /** The error or redirection for a request in `slot`, or undefined to serve it here. */
  redirection(slot: number, request: SlotRequest): string | undefined {
    return redirect(this.state, slot, request);
  }

  countKeysInSlot(slot: number): number {
    return this.#services.keyspace.countKeysInSlot(slot);
  }

  keysInSlot(slot: number, limit: number): Buffer[] {
    return this.#services.keyspace.keysInSlot(slot, limit);
  }

  /** Runs one of the changes of admin.ts (or another) and carries out what follows from it. */
  change<Result>(make: (state: ClusterState) => Result): Result {
    let result: { value: Result } | undefined;
    const effects = change(this.state, this.#now(), (state) => {
      result = { value: make(state) };
    });
    this.#perform(effects);
    return (result as { value: Result }).value;
  }

  /** Passes a message published here on to all other nodes. */
  publish(channel: Buffer, message: Buffer): void {
    this.change((state) => sendToAll(state, state.nodes.values(), { type: "publish", channel, message }));
  }

  /** Passes a message of a shard channel on to the other nodes of this shard. */
  publishShard(channel: Buffer, message: Buffer): void {
    const { myself } = this.state;
    const primary = myself.primary ?? myself;
    const nodes = [primary, ...primary.replicas];
    this.change((state) => sendToAll(state, nodes, { type: "publishShard", channel, message }));
  }

  /** CLUSTER SAVECONFIG: on disk when it returns; throws if that fails. */
  saveConfig(): void {
    this.#isSaveDue = false;
    this.#file.save(formatNodesConf(this.state));
  }

  #now(): number {
    return this.#services.clock.nowMs();
  }

  #tick(): void {
    this.#step({ kind: "tick" });
    if (this.#isSaveDue) this.#saveNow();
  }

  #step(event: ClusterEvent): void {
    if (this.#bus !== undefined) this.#perform(step(this.state, event, this.#now()));
  }

  #saveNow(): void {
    try {
      this.saveConfig();
    } catch (error) {
      const reason = (error as Error).message;
      this.#services.fatal(new Error(`Cannot write "${this.#file.path}": ${reason}`, { cause: error }));
    }
  }

  #perform(effects: readonly Effect[]): void {
    const { version } = this.state.table;
    this.#refreshServedSlots();
    for (const effect of effects) this.#performOne(effect);
    if (version === this.#seenVersion) return;
    this.#seenVersion = version;
    this.#services.ownersChanged();
  }

  #performOne(effect: Effect): void {
    const { replication, keyspace } = this.#services;
    switch (effect.kind) {
      case "connect":
        this.#bus?.connect(effect.link, effect.host, effect.port);
        return;
      case "send":
        this.#bus?.send(effect.link, effect.bytes);
        return;
      case "close":
        this.#bus?.close(effect.link);
        return;
      case "resolve":
        this.#resolve(effect.nodeId, effect.hostname);
        return;
      case "save":
        if (effect.isDurable) this.#saveNow();
        else this.#isSaveDue = true;
        return;
      case "replicateFrom":
        replication.replicateFrom(effect.host, effect.port);
        return;
      case "promote":
        replication.promote();
        return;
      case "pauseWrites":
        this.#services.pauseWrites(effect.untilMs);
        return;
      case "resumeWrites":
        this.#services.resumeWrites();
        return;
      case "slotsLost":
        this.slotUse.forget(effect.slots);
        this.#services.slotsLost(effect.slots);
        return;
      case "dropSlotKeys":
        keyspace.dropSlotKeys(effect.slots);
        return;
      case "publish":
        this.#services.deliver(effect.channel, effect.message, effect.isSharded);
        return;
      case "log":
        this.#services.log(effect.level, effect.text);
        return;
    }
  }

  #resolve(nodeId: string, hostname: string): void {
    const done = (address: string | undefined) => this.#step({ kind: "resolved", nodeId, address });
    this.#services.resolve(hostname).then(done, () => done(undefined));
  }

  #refreshServedSlots(): void {
    const { table, isOk, migrating, importing } = this.state;
    const key = `${table.version},${isOk},${[...migrating.keys()].join()},${[...importing.keys()].join()}`;
    if (key === this.#servedKey) return;
    this.#servedKey = key;
    this.#dropReturnedSlots();
    markServedSlots(this.state, this.ownedByMe);
  }

  #dropReturnedSlots(): void {
    const slots = returnedSlots(this.state);
    if (slots.length === 0) return;
    this.#services.keyspace.dropSlotKeysNow(slots);
    for (const slot of slots) this.state.surplus.delete(slot);
    this.#isSaveDue = true;
  }
}
