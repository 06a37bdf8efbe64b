/**
 * A Kubernetes around one simulated cluster, for tests of the reconciler: the fake API server over HTTP, StatefulSets that
 * get their pods, pods that become ready with their servers, and sessions that reach the server behind an address. Caches
 * are filled from the server before each pass, so a test decides what the reconciler sees and when.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { type KVCluster, type KVClusterSpec, kvClusterSpecSchema } from "../api/kv-cluster.ts";
import { SHARD_LABEL } from "../api/labels.ts";
import { withDefaults } from "../api/schema.ts";
import { KubeClient } from "../kube/client.ts";
import { httpTransport } from "../kube/http-transport.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import type { KvSession } from "../kv/kv-session.ts";
import { NodeCommandError, type NodeEndpoint } from "../kv/node-connection.ts";
import type { SaveState } from "../kv/save-before-stop.ts";
import { Applier } from "../runtime/applier.ts";
import { Cache } from "../runtime/cache.ts";
import { systemClock } from "../runtime/clock.ts";
import type { EventNote } from "../runtime/event-recorder.ts";
import { FakeApiServer } from "../runtime/fake-api-server.ts";
import { silentLogger } from "../runtime/logger.ts";
import { StatusWriter } from "../runtime/status-writer.ts";
import type { Outcome } from "../runtime/work-queue.ts";
import type { Action } from "../topology/action.ts";
import { seededRandom } from "../topology/seeded-random.ts";
import { SimulatedCluster } from "../topology/simulated-cluster.ts";
import { SimulatedGroup } from "../topology/simulated-group.ts";
import { countSlots } from "../topology/slot-range.ts";
import type { Change } from "./change-meter.ts";
import { createClusterReconciler } from "./cluster-reconciler.ts";
import { CHILD_KINDS, createClusterStore } from "./cluster-store.ts";
import type { Pod } from "./pod.ts";
import { SimulatedConfiguration } from "./simulated-configuration.ts";
import { type MemberSet, type MemberWorld, runMembers } from "./simulated-members.ts";
import { balanceLoads, NODE_ADDRESS, nodePortAllocator, type Outside } from "./simulated-outside.ts";
import { SimulatedUsers } from "./simulated-users.ts";

export const CLUSTER = { namespace: "apps", name: "kv" };
const CACHED_KINDS = ["KVCluster", "KVBackup", "Job", "Job", "Pod", "PersistentVolumeClaim", ...CHILD_KINDS] as const;
type CachedKind = (typeof CACHED_KINDS)[number];

export interface SimulatedKubernetes {
  readonly server: FakeApiServer;
  readonly servers: SimulatedCluster;
  /** In place of those, where the mode is not Cluster; it has no servers otherwise. */
  readonly group: SimulatedGroup;
  readonly events: EventNote[];
  /** What servers were told, in order. */
  readonly actions: Action[];
  /** Passwords that sessions were opened with. */
  readonly passwords: Set<string | undefined>;
  /** By what it knew servers that speak TLS. */
  readonly identities: Set<NodeEndpoint["identity"]>;
  /** Passwords that each server accepts, by node id. */
  readonly accepted: Map<string, Set<string | undefined>>;
  readonly clock: { nowMs: number };
  /** What was counted, by change. */
  readonly counts: Map<Change, number>;
  /** What the last save of a server came to, by pod, where it is not as usual: at the second look it is done. */
  readonly saves: Map<string, SaveState>;
  /** Pods whose servers hold writes back. */
  readonly held: Set<string>;
  /** What servers run with. */
  readonly configuration: SimulatedConfiguration;
  readonly users: SimulatedUsers;
  readonly outside: Outside;
  /** Host names that nodes announce, by node id. */
  readonly hostnames: Map<string, string>;
  /** Kinds of which caches get nothing new. */
  readonly frozen: Set<string>;
  /** One pass, seeing the world as it is now. */
  pass(): Promise<Outcome>;
  /** Passes and lets the world go on until the cluster is ready and nothing is left to do. */
  settle(): Promise<void>;
  /** All that it remembered is gone. */
  restartOperator(): void;
  /** Lets the world go on without the operator: pods, servers, gossip. */
  tick(): void;
  cluster(): KubernetesObject & { readonly status?: Record<string, unknown> };
  pods(): readonly Pod[];
  stop(): Promise<void>;
}

export async function startSimulatedKubernetes(spec: Readonly<Record<string, unknown>>): Promise<SimulatedKubernetes> {
  const complete = withDefaults(kvClusterSpecSchema, spec);
  const server = new FakeApiServer({ kinds: Object.values(RESOURCE_KINDS), admit: nodePortAllocator() });
  await server.start();
  server.seed({ ...RESOURCE_KINDS.KVCluster, metadata: CLUSTER, spec: complete } as KubernetesObject);
  const isCluster = complete.mode === "Cluster";
  const servers = new SimulatedCluster(isCluster ? complete.shards : 0, complete.replicasPerShard);
  const group = groupFor(complete);
  const world = {
    server,
    servers,
    group,
    events: [] as EventNote[],
    actions: [] as Action[],
    passwords: new Set<string | undefined>(),
    identities: new Set<NodeEndpoint["identity"]>(),
    accepted: new Map<string, Set<string | undefined>>(),
    clock: { nowMs: Date.UTC(2026, 0, 1) },
    hostnames: new Map<string, string>(),
    configuration: new SimulatedConfiguration(server, CLUSTER),
    users: new SimulatedUsers(server, CLUSTER),
    counts: new Map<Change, number>(),
    saves: new Map<string, SaveState>(),
    held: new Set<string>(),
    frozen: new Set<string>(),
    generated: 0,
    outside: { nodeAddresses: new Map<string, string>(), balancers: new Map<string, string>() },
  };
  const caches = Object.fromEntries(CACHED_KINDS.map((kind) => [kind, new Cache(raise)])) as Record<CachedKind, Cache>;
  const client = new KubeClient(httpTransport({ url: server.url, requestOptions: async () => ({}) }, systemClock));
  const startOperator = () =>
    createClusterReconciler(
      { defaultImage: "kv-server:test", clusterDomain: "cluster.local" },
      {
        store: createClusterStore({
          client,
          caches,
          applier: new Applier(client),
          statusWriter: new StatusWriter(client, systemClock),
        }),
        openSession: (endpoint) => openSession(world, endpoint),
        events: { record: (note) => world.events.push(note) },
        log: silentLogger,
        counter: {
          count: (_cluster, change, by) => world.counts.set(change, (world.counts.get(change) ?? 0) + by),
          forget: () => world.counts.clear(),
        },
        nowMs: () => world.clock.nowMs,
        generatePassword: () => (world.generated++ === 0 ? "generated" : `another ${world.generated}`),
      },
    );
  let reconcile = startOperator();
  const pass = async (): Promise<Outcome> => {
    fill(caches, world);
    return await reconcile(CLUSTER);
  };
  /** Pods that there were. */
  const made = new Set<string>();
  const restarted = (id: string): void => {
    world.configuration.restart(id);
    world.users.restart(id);
  };
  const leave: MemberWorld["leave"] = (pod, { text, keys }) => servers.adopt(pod, 0, text, keys);
  const tick = (): void => {
    if (!isCluster) goOn(server, group, { made, restarted, leave });
    if (!isCluster && servers.nodes.length === 0) return;
    servers.gossip();
    followSets(server, servers, !isCluster && group.servers.length === 0);
    balanceLoads(server, CLUSTER.namespace, world.outside);
    runPods({ server, servers, made, outside: world.outside }, restarted);
  };
  return {
    ...world,
    pass,
    tick,
    settle: () => settle(pass, tick),
    restartOperator: () => {
      reconcile = startOperator();
    },
    cluster: () => server.list<KubernetesObject>(RESOURCE_KINDS.KVCluster, CLUSTER.namespace)[0] as KubernetesObject,
    pods: () => server.list<Pod>(RESOURCE_KINDS.Pod, CLUSTER.namespace),
    stop: () => server.stop(),
  };
}

/** Clients do not reach it before that is there which it begins with. */
function groupFor({ mode, replicasPerShard, bootstrap }: KVClusterSpec): SimulatedGroup {
  const group = new SimulatedGroup(mode === "Cluster" ? 0 : 1 + replicasPerShard, seededRandom(1));
  group.hasClients = bootstrap === undefined;
  return group;
}

/** The servers of a group, and their pods. */
function goOn(
  server: FakeApiServer,
  group: SimulatedGroup,
  world: Pick<MemberWorld, "made" | "restarted" | "leave">,
): void {
  for (let step = 0; step < GROUP_STEPS; step++) group.tick();
  runMembers({ server, group, cluster: CLUSTER, podFrom, ...world });
  for (const set of server.list<MemberSet>(RESOURCE_KINDS.StatefulSet, CLUSTER.namespace))
    observeGeneration(server, set);
}

function fill(caches: Record<CachedKind, Cache>, { server, frozen }: Pick<SimulatedKubernetes, "server" | "frozen">) {
  for (const kind of CACHED_KINDS) {
    if (!frozen.has(kind)) caches[kind].replace(server.list(RESOURCE_KINDS[kind], CLUSTER.namespace));
  }
}

/** What a pass may come to when nothing is left to do; a group is looked at more often. */
const SETTLED_MS: readonly (number | undefined)[] = [30_000, 3_000];
const MAX_ROUNDS = 40;
/** Of half a second, between two passes. */
const GROUP_STEPS = 4;

async function settle(pass: () => Promise<Outcome>, tick: () => void): Promise<void> {
  let quiet = 0;
  for (let round = 0; round < MAX_ROUNDS && quiet < 2; round++) {
    tick();
    const { requeueAfterMs } = await pass();
    quiet = SETTLED_MS.includes(requeueAfterMs) ? quiet + 1 : 0;
  }
  if (quiet < 2) throw new Error("The cluster did not settle");
}

interface Reached {
  readonly group: SimulatedGroup;
  readonly users: SimulatedUsers;
  readonly configuration: SimulatedConfiguration;
  readonly servers: SimulatedCluster;
  readonly actions: Action[];
  readonly passwords: Set<string | undefined>;
  readonly identities: SimulatedKubernetes["identities"];
  readonly accepted: Map<string, Set<string | undefined>>;
  readonly hostnames: Map<string, string>;
  readonly saves: Map<string, SaveState>;
  readonly held: Set<string>;
}

async function openSession(
  { servers, group, actions, passwords, identities, accepted, hostnames, saves, held, configuration, users }: Reached,
  endpoint: NodeEndpoint,
): Promise<KvSession> {
  const find = () => {
    const pods = [...servers.view().pods, ...group.view().pods.filter(({ node }) => node !== undefined)];
    return pods.find(({ address }) => address?.ip === endpoint.host);
  };
  passwords.add(endpoint.password);
  identities.add(endpoint.identity);
  const id = find()?.node?.id ?? "";
  const accepts = accepted.get(id) ?? new Set([endpoint.password]);
  accepted.set(id, accepts);
  if (!accepts.has(endpoint.password)) throw new NodeCommandError("refused AUTH: WRONGPASS");
  if (find() === undefined) throw new Error(`Failed to connect to ${endpoint.host}`);
  return {
    observe: async () => {
      const node = find()?.node;
      if (node === undefined) throw new Error("connection closed");
      if (node.entries.length === 0) throw new NodeCommandError("refused CLUSTER: cluster support is disabled");
      return { ...node, entries: node.entries.map((entry) => ({ ...entry, hostname: hostnames.get(entry.id) })) };
    },
    observeMember: async () => {
      const node = find()?.node;
      if (node === undefined) throw new Error("connection closed");
      return node;
    },
    execute: async (action) => {
      if (group.find(action.pod) !== undefined) {
        if (!group.apply(toPods(action))) throw new NodeCommandError(`refused ${action.kind}`);
        group.check();
      } else servers.apply(action);
      if (action.kind !== "Renew") actions.push(action);
    },
    acceptPassword: async (password) => void accepts.add(password),
    dropOtherPasswords: async (password) => {
      accepts.clear();
      accepts.add(password);
    },
    configuration: async (names) => configuration.read(id, names),
    configure: async (pairs) => configuration.set(id, pairs),
    users: async () => new Map(users.of(id)),
    setUser: async (name, words) => users.set(id, name, words),
    deleteUser: async (name) => void users.of(id).delete(name),
    holdAndSave: async () => {
      const pod = find()?.pod ?? "";
      const isHeld = held.has(pod);
      held.add(pod);
      return saves.get(pod) ?? (isHeld ? "saved" : "saving");
    },
    release: async () => void held.delete(find()?.pod ?? ""),
    pauseAndSave: async () => {
      const member = group.find(find()?.pod);
      if (member === undefined) throw new Error("connection closed");
      return saves.get(member.pod) ?? group.pauseAndSave(member);
    },
    resume: async () => {
      const member = group.find(find()?.pod);
      if (member !== undefined) member.pausedUntilMs = 0;
    },
    close: () => undefined,
  };
}

/** The simulated servers of a group know each other by the names of their pods. */
function toPods(action: Action): Action {
  return action.kind === "Follow" ? { ...action, host: action.primary } : action;
}

interface Hosts {
  readonly server: FakeApiServer;
  readonly servers: SimulatedCluster;
  readonly made: Set<string>;
  readonly outside: Outside;
}

/** What StatefulSet controller and kubelets do: a pod for each server, with the address and readiness of the server in it. */
function runPods({ server, servers, made, outside }: Hosts, restarted: (id: string) => void): void {
  for (const node of servers.nodes) {
    const setName = `${CLUSTER.name}-${node.shard}`;
    const set = server.find<MemberSet>(RESOURCE_KINDS.StatefulSet, CLUSTER.namespace, setName);
    if (set !== undefined) observeGeneration(server, set);
    const existing = server.find<Pod>(RESOURCE_KINDS.Pod, CLUSTER.namespace, node.pod);
    if (set !== undefined && node.ordinal >= set.spec.replicas && existing !== undefined) {
      server.remove(existing);
      servers.kill(node);
    }
    if (set === undefined || node.ordinal >= set.spec.replicas) continue;
    const pod = existing ?? server.seed(podFrom(set, node.pod));
    // The pod was deleted: another one of its name has its volume.
    if (existing === undefined && made.has(node.pod)) {
      servers.restart(node);
      restarted(node.id);
    }
    made.add(node.pod);
    const isReady = node.isAlive && (node.slots.length > 0 || node.linkUp || isMember(node));
    const status = {
      phase: "Running",
      podIP: node.ip,
      hostIP: outside.nodeAddresses.get(node.pod) ?? NODE_ADDRESS,
      conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
      containerStatuses: [{ state: node.isAlive ? { running: {} } : { waiting: { reason: "CrashLoopBackOff" } } }],
    };
    if (JSON.stringify(pod.status) !== JSON.stringify(status)) server.setStatus(pod, status);
  }
}

/** What the StatefulSet controller says of itself. */
function observeGeneration(server: FakeApiServer, set: MemberSet): void {
  const { generation } = set.metadata;
  if (set.status?.observedGeneration === generation) return;
  server.setStatus(set, { ...set.status, observedGeneration: generation });
}

/** A primary without slots, of a cluster that serves them all. */
function isMember({ primaryId, known }: SimulatedCluster["nodes"][number]): boolean {
  const served = [...known.values()].reduce((sum, { slots }) => sum + countSlots(slots), 0);
  return primaryId === undefined && served === SLOT_COUNT;
}

/**
 * Shards come with their StatefulSets, and pods with the size of those where a group has become a cluster. One that is deleted takes
 * nothing along if it is to be made again: volumes stay.
 */
function followSets(server: FakeApiServer, servers: SimulatedCluster, wasGroup: boolean): void {
  const sets = server.list<MemberSet>(RESOURCE_KINDS.StatefulSet, CLUSTER.namespace);
  const [cluster] = server.list<KVCluster>(RESOURCE_KINDS.KVCluster, CLUSTER.namespace);
  const present = new Set(sets.map(({ metadata }) => Number(metadata.labels?.[SHARD_LABEL])));
  const gone = servers.nodes.map(({ shard }) => shard).filter((shard) => !present.has(shard));
  for (const shard of present) servers.addShard(shard);
  for (const { metadata, spec } of wasGroup ? sets : []) {
    servers.addReplicas(Number(metadata.labels?.[SHARD_LABEL]), spec.replicas - 1);
  }
  for (const shard of new Set(gone)) if (shard >= (cluster?.spec.shards ?? 0)) servers.removeShard(shard);
}

function podFrom(set: MemberSet, name: string): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: CLUSTER.namespace,
      labels: set.spec.template.metadata.labels,
      annotations: set.spec.template.metadata.annotations,
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "StatefulSet",
          name: set.metadata.name,
          uid: set.metadata.uid ?? "",
          controller: true,
        },
      ],
    },
    spec: set.spec.template.spec,
  };
}

function raise(error: unknown): void {
  throw error;
}
