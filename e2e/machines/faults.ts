/**
 * The faults of the chaos scene. Each is done to the world and undone again; what a fault picks follows from the seed, as far as
 * the world is the same.
 *
 * Two at once come from different groups, so that a majority of nodes always stays: with two of three gone there is nothing that
 * could serve.
 */
import { setTimeout as delay } from "node:timers/promises";
import { getObject, type KubernetesObject, kubectl } from "../harness/kubectl.ts";
import type { KVCluster } from "../harness/scene.ts";
import {
  divide,
  killServer,
  plugCable,
  powerOff,
  powerOn,
  pullCable,
  startApiServer,
  stopApiServer,
  unite,
} from "./machine.ts";
import type { Random } from "./random.ts";
import { OPERATOR_NAMESPACE, operators, type Server, serversOf } from "./servers.ts";
import { diskOfVolume, fillDisk, freeDisk, recycleDisks } from "./small-disks.ts";

export interface Stage {
  readonly namespace: string;
  readonly cluster: string;
  readonly nodes: readonly number[];
  readonly random: Random;
}

/** What was done, and how it is undone; what is over at once has nothing to undo. */
export interface Injection {
  readonly what: string;
  heal(): Promise<void>;
}

export interface Fault {
  readonly kind: string;
  readonly group: "server" | "node" | "control" | "disk";
  /** How long it stays, at least and at most. */
  readonly holdMs: readonly [number, number];
  /** Where something takes longer than to be Ready again after a fault: the change that was interrupted. */
  readonly extraReadyMs?: number;
  inject(stage: Stage): Promise<Injection>;
}

const AT_ONCE = [0, 0] as const;
const A_WHILE = [8_000, 25_000] as const;
const overAlready = async () => undefined;

/** Of two at once the first comes first, so that what needs a node, or the API server, still finds it; and is undone last. */
export const FAULTS = [
  {
    kind: "pod deleted",
    group: "server",
    holdMs: AT_ONCE,
    inject: async (stage) => {
      const { pod } = await pickServer(stage);
      await kubectl("-n", stage.namespace, "delete", `pod/${pod}`, "--wait=false");
      return { what: pod, heal: overAlready };
    },
  },
  {
    kind: "server killed",
    group: "server",
    holdMs: AT_ONCE,
    inject: async (stage) => {
      const server = await pickServer(stage);
      await killServer(server);
      return { what: server.pod, heal: overAlready };
    },
  },
  {
    kind: "disk full",
    group: "disk",
    holdMs: A_WHILE,
    inject: async (stage) => {
      const pod = await pickPrimary(stage);
      const claim = await getObject<Claim>(stage.namespace, `pvc/data-${pod}`);
      const disk = diskOfVolume(claim.spec.volumeName);
      await fillDisk(disk);
      return { what: pod, heal: () => freeDisk(disk) };
    },
  },
  {
    kind: "operator killed in a step",
    group: "control",
    holdMs: AT_ONCE,
    extraReadyMs: 180_000,
    inject: async (stage) => {
      const what = await startChange(stage);
      const times = stage.random.between(2, 4);
      for (let i = 0; i < times; i += 1) {
        await delay(stage.random.between(1_000, 8_000));
        await killOperator();
      }
      return { what: `${times} times in ${what}`, heal: overAlready };
    },
  },
  {
    kind: "node without power",
    group: "node",
    holdMs: A_WHILE,
    inject: async ({ nodes, random }) => {
      const node = random.pick(nodes);
      await powerOff(node);
      return { what: `n${node}`, heal: async () => void (await powerOn(node)) };
    },
  },
  {
    kind: "node cut off",
    group: "node",
    holdMs: A_WHILE,
    inject: async ({ nodes, random }) => {
      const node = random.pick(nodes);
      await pullCable(node);
      return { what: `n${node}`, heal: async () => void (await plugCable(node)) };
    },
  },
  {
    kind: "two nodes divided",
    group: "node",
    holdMs: A_WHILE,
    inject: async ({ nodes, random }) => {
      const [one = 1, other = 2] = random.shuffled(nodes);
      await divide(one, other);
      return { what: `n${one} and n${other}`, heal: async () => void (await unite(one, other)) };
    },
  },
  {
    kind: "API server down",
    group: "control",
    holdMs: [2_000, 15_000],
    inject: async () => {
      await stopApiServer();
      return { what: "", heal: async () => void (await startApiServer()) };
    },
  },
] as const satisfies readonly Fault[];

interface Claim extends KubernetesObject {
  readonly spec: { readonly volumeName: string };
}

async function pickServer({ namespace, cluster, random }: Stage): Promise<Server> {
  const servers = await serversOf(namespace, cluster);
  return random.pick(servers.filter(({ container }) => container !== undefined));
}

/** Whose full disk clients feel. */
async function pickPrimary({ namespace, cluster, random }: Stage): Promise<string> {
  const { status } = await getObject<KVCluster>(namespace, `kvc/${cluster}`);
  return random.pick(status?.shardStatus?.flatMap(({ primary }) => primary ?? []) ?? []);
}

/** Another pod comes: one that is killed again and again is restarted later and later. */
async function killOperator(): Promise<void> {
  for (const operator of await operators()) {
    if (operator.container !== undefined) await killServer(operator);
    await kubectl("-n", OPERATOR_NAMESPACE, "delete", `pod/${operator.pod}`, "--force", "--grace-period=0");
  }
}

/** Something that takes the operator several steps. */
async function startChange({ namespace, cluster, random }: Stage): Promise<string> {
  const { spec } = await getObject<KubernetesObject & { spec: { shards: number } }>(namespace, `kvc/${cluster}`);
  if (random.pick([true, false])) {
    await kubectl("-n", namespace, "annotate", `kvc/${cluster}`, `kvcluster.dev/restart=${Date.now()}`, "--overwrite");
    return "a rolling restart";
  }
  await recycleDisks();
  const shards = spec.shards === 3 ? 4 : 3;
  await kubectl("-n", namespace, "scale", `kvc/${cluster}`, "--replicas", `${shards}`);
  return `a change to ${shards} shards`;
}
