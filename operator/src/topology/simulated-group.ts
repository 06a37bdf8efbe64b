/**
 * For tests: servers of a group with time, a network that can be cut anywhere, messages that arrive late, disks with older
 * copies, and clients on every side that write wherever they can. It knows only what servers do (server/src/replication); what they
 * are told comes from the plan. It throws as soon as two servers take writes, or a write is gone that a replica had acknowledged
 * and that no crash has taken from all memories.
 */

import type { Action } from "./action.ts";
import type { ClusterView, NodeObservation, PodView } from "./cluster-view.ts";

export const TICK_MS = 500;
export const LEASE_SECONDS = 10;
const LEASE_MS = LEASE_SECONDS * 1000;
/** A link whose other side is gone without a word is taken for broken after that. */
const LINK_TIMEOUT_MS = 20_000;
const NOWHERE = -1_000_000;

export interface SimulatedServer {
  readonly pod: string;
  readonly ordinal: number;
  runId: string;
  isAlive: boolean;
  /** It waits for its role; others lead from their start. */
  isMember: boolean;
  /** What Kubernetes says of the process, which may be late. */
  isKnownGone: boolean;
  /** The operator reaches it. */
  isReachable: boolean;
  state: "leads" | "follows" | "held";
  primary: string | undefined;
  linkUp: boolean;
  heardMs: number;
  /** The stream: its writes, its id, and of which other it is the continuation up to where. */
  log: number[];
  /** So much of it is from its disk, and nobody has said since that this is the latest. */
  fromDisk: number;
  id: string;
  previous: { readonly id: string; readonly length: number };
  isWhole: boolean;
  heldSinceMs: number;
  grantedMs: number;
  provedMs: number;
  disk: { readonly id: string; readonly log: readonly number[] };
  /** Until then it takes no writes, whatever it may. */
  pausedUntilMs: number;
  /** With what it will start in a cluster. */
  prepared: string | undefined;
  keysElsewhere: number;
  /** It cannot note with what it will start in a cluster. */
  isOld: boolean;
  /** Tickets up to this are not believed. */
  outdatedMs: number;
}

/** What a server takes along that is going to be a node of a cluster. */
export interface Leaving {
  readonly text: string;
  readonly keys: number;
}

const PAUSE_MS = 60_000;

interface Acknowledgement {
  readonly from: SimulatedServer;
  readonly to: string;
  readonly runId: string;
  readonly beatMs: number;
  readonly length: number;
  readonly arrivesMs: number;
}

export class SimulatedGroup {
  readonly servers: SimulatedServer[] = [];
  /** Pairs that do not reach each other, "a b". */
  readonly cuts = new Set<string>();
  hasClients = true;
  nowMs = 0;
  writes = 0;
  readonly #random: () => number;
  readonly #acknowledged = new Set<number>();
  #inFlight: Acknowledgement[] = [];
  /** Are nodes of a cluster now. */
  readonly #left: SimulatedServer[] = [];
  #ids = 0;

  constructor(count: number, random: () => number) {
    this.#random = random;
    for (let ordinal = 0; ordinal < count; ordinal++) this.addServer();
  }

  addServer(): void {
    const ordinal = this.servers.length;
    const id = this.#newId();
    this.servers.push({
      ...{ pod: `kv-0-${ordinal}`, ordinal, runId: this.#newId(), id, log: [], fromDisk: 0, disk: { id, log: [] } },
      ...{
        isAlive: true,
        isMember: true,
        isKnownGone: false,
        isReachable: true,
        isWhole: true,
        linkUp: false,
        primary: undefined,
      },
      ...{ state: "held", heldSinceMs: this.nowMs, heardMs: NOWHERE, grantedMs: NOWHERE, provedMs: NOWHERE },
      previous: { id: "", length: 0 },
      ...{ pausedUntilMs: 0, prepared: undefined, keysElsewhere: 0, isOld: false, outdatedMs: NOWHERE },
    });
  }

  find(pod: string | undefined): SimulatedServer | undefined {
    return this.servers.find((server) => server.pod === pod);
  }

  isWritable(server: SimulatedServer): boolean {
    const from = Math.max(server.grantedMs, server.provedMs);
    return server.isAlive && server.state === "leads" && this.nowMs < from + LEASE_MS;
  }

  get leaders(): readonly SimulatedServer[] {
    return this.servers.filter((server) => server.isAlive && server.state === "leads");
  }

  tick(): void {
    this.nowMs += TICK_MS;
    for (const server of this.servers) this.#replicate(server);
    this.#deliver();
    for (const server of this.servers) {
      const isWritten = this.hasClients && this.isWritable(server) && this.nowMs >= server.pausedUntilMs;
      if (isWritten && this.#random() < 0.7) server.log.push(this.writes++);
      if (server.isAlive && server.isWhole && this.#random() < 0.1) this.save(server);
    }
    this.check();
  }

  check(): void {
    const writable = this.servers.filter((server) => this.isWritable(server)).map(({ pod }) => pod);
    if (writable.length > 1) throw new Error(`${writable.join(" and ")} take writes at ${this.nowMs}`);
    const present = this.#inMemory(false);
    for (const write of this.#acknowledged) {
      if (!present.has(write)) throw new Error(`Write ${write} is gone at ${this.nowMs}`);
    }
  }

  save(server: SimulatedServer): void {
    server.disk = { id: server.id, log: [...server.log] };
  }

  /** A crash: memory is lost, and with it, without blame, what nobody else that is to be reached has had in memory all the time. */
  kill(server: SimulatedServer): void {
    server.isAlive = false;
    const present = this.#inMemory(true);
    for (const write of server.log) if (!present.has(write)) this.#acknowledged.delete(write);
  }

  /** A stop that is announced: its role goes to a replica that has everything, and everything to its disk. */
  stop(server: SimulatedServer): void {
    const heir = this.servers.find((one) => this.#isInSync(one, server) && one.log.length === server.log.length);
    if (server.state === "leads" && heir !== undefined) {
      this.#lead(heir);
      heir.grantedMs = this.nowMs;
      this.#follow(server, heir.pod);
      server.id = heir.id;
      server.previous = heir.previous;
    }
    if (server.isWhole) this.save(server);
    this.kill(server);
  }

  /** Back with what is on its disk. */
  restart(server: SimulatedServer): void {
    Object.assign(server, { isAlive: true, isKnownGone: false, runId: this.#newId(), isWhole: true });
    Object.assign(server, { id: server.disk.id, log: [...server.disk.log], previous: { id: "", length: 0 } });
    server.fromDisk = server.log.length;
    Object.assign(server, { pausedUntilMs: 0, outdatedMs: NOWHERE });
    Object.assign(server, { grantedMs: NOWHERE, provedMs: NOWHERE });
    this.#hold(server);
    if (server.isMember) return;
    this.#lead(server);
    server.grantedMs = Number.POSITIVE_INFINITY;
  }

  /** At the second look it is done. */
  pauseAndSave(server: SimulatedServer): "saved" | "saving" {
    server.pausedUntilMs = this.nowMs + PAUSE_MS;
    if (isSaved(server)) return "saved";
    if (server.isWhole) this.save(server);
    return "saving";
  }

  /**
   * Its pod was replaced by one that starts in a cluster. Throws where two could lead there, where somebody still takes writes here,
   * and where the one that leads there lacks something on its disk that was acknowledged, or that it has taken itself.
   */
  leave(server: SimulatedServer): Leaving {
    const leads = ({ prepared }: SimulatedServer): boolean => prepared?.includes("myself,master") === true;
    const writable = this.servers.find((one) => one !== server && this.isWritable(one));
    if (writable !== undefined) throw new Error(`${writable.pod} takes writes outside of the cluster`);
    if (server.prepared === undefined) throw new Error(`${server.pod} has no place in the cluster`);
    const primaries = [...this.#left, ...this.servers].filter(leads);
    if (primaries.length !== 1) throw new Error(`${primaries.length} servers lead the cluster`);
    const [primary] = primaries as [SimulatedServer];
    const kept = new Set(primary.disk.log);
    const own = primary.isAlive && this.#left.length === 0 && !primary.isMember ? primary.log : [];
    const lost = [...this.#acknowledged, ...own].find((write) => !kept.has(write));
    if (lost !== undefined) throw new Error(`Write ${lost} is not with ${primary.pod}, which leads the cluster`);
    this.#acknowledged.clear();
    this.#left.push(server);
    this.servers.splice(this.servers.indexOf(server), 1);
    return { text: server.prepared, keys: server.disk.log.length };
  }

  loseDisk(server: SimulatedServer): void {
    server.disk = { id: this.#newId(), log: [] };
  }

  view(): ClusterView {
    return { pods: this.servers.map((server) => this.viewOf(server)) };
  }

  viewOf(server: SimulatedServer): PodView {
    const { pod, ordinal, isAlive, isReachable } = server;
    const process = server.isKnownGone ? "Gone" : isReachable ? "Running" : "Unknown";
    const address = { ip: `ip-${pod}`, port: 6379, busPort: 16379, hostname: pod };
    const node = isAlive && isReachable ? this.#observe(server) : undefined;
    return { pod, shard: 0, ordinal, process, address, node };
  }

  /** Returns whether the server did it, and said so. */
  apply(action: Action): boolean {
    const server = this.find(action.pod);
    if (server === undefined || !server.isAlive || !server.isReachable) return false;
    if (action.kind === "HandOver") return this.#handOver(server, this.find(action.to));
    if (!("ticket" in action)) throw new Error(`A group has no ${action.kind}`);
    if (action.ticket !== undefined) {
      const ageMs = this.nowMs - action.ticket;
      if (ageMs < 0 || ageMs >= LEASE_MS / 2 || action.ticket <= server.outdatedMs) return false;
    }
    switch (action.kind) {
      case "PrepareNodes":
        if (server.keysElsewhere > 0 || server.isOld) return false;
        server.prepared = action.text;
        if (server.state === "held") server.outdatedMs = this.nowMs;
        return true;
      case "Lead":
        if (server.state !== "held") return false;
        this.#lead(server);
        server.grantedMs = action.ticket;
        return true;
      case "Renew":
        if (server.state !== "leads") return false;
        server.grantedMs = Math.max(server.grantedMs, action.ticket);
        return true;
      case "Hold":
        this.#hold(server);
        return true;
      case "Follow":
        if (server.state !== "follows" || server.primary !== action.host) this.#follow(server, action.host);
        return true;
    }
  }

  #handOver(server: SimulatedServer, heir: SimulatedServer | undefined): boolean {
    if (server.state !== "leads" || heir === undefined || !this.#isInSync(heir, server)) return false;
    heir.log = [...server.log];
    this.#lead(heir);
    heir.grantedMs = this.nowMs;
    this.#follow(server, heir.pod);
    return true;
  }

  isCut(a: string, b: string): boolean {
    return this.cuts.has(`${a} ${b}`) || this.cuts.has(`${b} ${a}`);
  }

  /** Of servers that run; only of those that have run all the time and can be asked, if `isSure`. */
  #inMemory(isSure: boolean): ReadonlySet<number> {
    const alive = this.servers.filter(({ isAlive, isReachable }) => isAlive && (isReachable || !isSure));
    return new Set(alive.flatMap(({ log, fromDisk }) => (isSure ? log.slice(fromDisk) : log)));
  }

  #lead(server: SimulatedServer): void {
    server.previous = { id: server.id, length: server.log.length };
    Object.assign(server, { state: "leads", primary: undefined, linkUp: false, id: this.#newId() });
    Object.assign(server, { isWhole: true, provedMs: NOWHERE, fromDisk: 0 });
  }

  #hold(server: SimulatedServer): void {
    server.heldSinceMs = this.nowMs;
    Object.assign(server, { state: "held", primary: undefined, linkUp: false });
  }

  #follow(server: SimulatedServer, primary: string): void {
    Object.assign(server, { state: "follows", primary, linkUp: false });
  }

  #isInSync(follower: SimulatedServer, leader: SimulatedServer): boolean {
    const follows = follower.state === "follows" && follower.primary === leader.pod && follower.linkUp;
    return follows && follower.isAlive && follower.id === leader.id && !this.isCut(follower.pod, leader.pod);
  }

  #replicate(follower: SimulatedServer): void {
    const leader = this.find(follower.primary);
    if (!follower.isAlive || follower.state !== "follows" || leader === undefined) return;
    const isServing = leader.isAlive && leader.state === "leads" && !this.isCut(follower.pod, leader.pod);
    if (!isServing) {
      // A process that ends closes its connections, a network that is cut says nothing.
      const isClosed = !this.isCut(follower.pod, leader.pod);
      if (isClosed || this.nowMs - follower.heardMs > LINK_TIMEOUT_MS) follower.linkUp = false;
      return;
    }
    if (!follower.linkUp || follower.id !== leader.id) {
      if (!this.#synchronize(follower, leader)) return;
    }
    follower.heardMs = this.nowMs;
    const behind = leader.log.length - follower.log.length;
    const taken = this.#random() < 0.3 ? Math.floor(this.#random() * behind) : behind;
    follower.log.push(...leader.log.slice(follower.log.length, follower.log.length + taken));
    const delayMs = this.#random() < 0.1 ? this.#random() * 30_000 : this.#random() * TICK_MS;
    this.#inFlight.push({
      ...{ from: follower, to: leader.pod, runId: leader.runId, beatMs: this.nowMs - TICK_MS },
      ...{ length: follower.log.length, arrivesMs: this.nowMs + delayMs },
    });
  }

  /** Whether it is done: a full sync takes a while, in which there is no whole copy. */
  #synchronize(follower: SimulatedServer, leader: SimulatedServer): boolean {
    const { previous } = leader;
    const isPast = follower.id === previous.id && follower.log.length <= previous.length;
    if (follower.isWhole && (follower.id === leader.id || isPast)) {
      Object.assign(follower, { id: leader.id, linkUp: true, fromDisk: 0 });
      return true;
    }
    if (follower.isWhole) {
      Object.assign(follower, { isWhole: false, log: [], id: this.#newId() });
      return false;
    }
    if (this.#random() < 0.4) return false;
    Object.assign(follower, { isWhole: true, id: leader.id, log: [...leader.log], linkUp: true, fromDisk: 0 });
    follower.previous = { id: "", length: 0 };
    return true;
  }

  #deliver(): void {
    const due = this.#inFlight.filter(({ arrivesMs }) => arrivesMs <= this.nowMs);
    this.#inFlight = this.#inFlight.filter(({ arrivesMs }) => arrivesMs > this.nowMs);
    for (const { from, to, runId, beatMs, length } of due) {
      const leader = this.find(to);
      if (leader === undefined || leader.runId !== runId || leader.state !== "leads" || !leader.isAlive) continue;
      leader.provedMs = Math.max(leader.provedMs, beatMs);
      const isSame = from.isAlive && from.id === leader.id && from.log.length >= length;
      if (isSame) for (const write of leader.log.slice(0, length)) this.#acknowledged.add(write);
    }
  }

  #observe(server: SimulatedServer): NodeObservation {
    const isReplica = server.state !== "leads";
    return {
      id: server.runId,
      info: {
        ...{ role: isReplica ? "replica" : "primary", isLoading: false, uptimeSeconds: 1000, disk: undefined },
        ...{
          keys: server.log.length,
          replicationOffset: server.log.length,
          primaryHost: server.primary === undefined ? "" : `ip-${server.primary}`,
        },
        ...{ isPrimaryLinkUp: server.linkUp, primaryLinkDownSeconds: 0, isFullSyncRunning: false },
        replicaHosts: this.servers.filter((one) => this.#isInSync(one, server)).map(({ pod }) => pod),
        primaryHeardSeconds: server.linkUp ? (this.nowMs - server.heardMs) / 1000 : Number.POSITIVE_INFINITY,
        ...{ keysElsewhere: server.keysElsewhere, isSaved: isSaved(server) },
        ...{ replicationId: server.id, previousReplicationId: server.previous.id },
        group: server.isMember
          ? {
              ...{ state: server.state, ticket: this.nowMs, hasWholeCopy: server.isWhole },
              heldMs: server.state === "held" ? this.nowMs - server.heldSinceMs : 0,
            }
          : undefined,
      },
      cluster: { isOk: true, currentEpoch: 0 },
      entries: [],
      migrations: undefined,
    };
  }

  #newId(): string {
    this.#ids++;
    return `id-${this.#ids}`;
  }
}

function isSaved({ disk, log, isWhole }: SimulatedServer): boolean {
  return isWhole && disk.log.length === log.length && disk.log.at(-1) === log.at(-1);
}

/** What may befall a server, by itself or towards another one; each is also the end of it. */
export function groupFaults(
  group: SimulatedGroup,
  server: SimulatedServer,
  other: SimulatedServer,
): readonly (() => void)[] {
  const pair = `${server.pod} ${other.pod}`;
  return [
    () => (server.isAlive ? group.kill(server) : group.restart(server)),
    () => (server.isAlive ? group.stop(server) : group.restart(server)),
    () => {
      server.isKnownGone = !server.isAlive;
    },
    () => {
      server.isReachable = !server.isReachable;
    },
    () => void (group.cuts.delete(pair) || group.cuts.add(pair)),
  ];
}
