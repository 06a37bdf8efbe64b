/**
 * A cluster of six is split in two again and again under load, with one primary on the smaller side: it must stop to take
 * writes before its replica begins to, and never say that a copy exists of what is lost. After healing all agree again.
 */

import { createSeededRandom } from "../platform/random.ts";
import { pause, verifyList, Writer } from "../testing/acknowledged-writes.ts";
import { type FleetNode, SHARDS, SIZE } from "../testing/fleet.ts";
import { NamespaceNetwork } from "../testing/network-namespaces.ts";
import { PinnedClient } from "../testing/pinned-client.ts";
import {
  checkTimes,
  directivesOf,
  type FailoverOptions,
  FailoverStage,
  inSeconds,
  inWords,
  PROMISED_MS,
} from "./failover-stage.ts";

interface Kind {
  readonly hasClient: boolean;
  /** A replica that is on the primary's side: its own, so that nobody can take over, or that of another shard. */
  readonly companion: "none" | "its replica" | "a replica of others";
}

/** In turn. */
const KINDS: readonly Kind[] = [
  { hasClient: true, companion: "none" },
  { hasClient: false, companion: "none" },
  { hasClient: true, companion: "a replica of others" },
  { hasClient: true, companion: "none" },
  { hasClient: true, companion: "its replica" },
];

/** Beyond the node timeout: a tick, and the time a client takes to ask again. */
const REFUSED_MS = 500;
const BEFORE_MS = 500;
const LONGEST_SPLIT_MS = 2000;
/** Waits end by then, at a node that has become a replica. */
const LONGEST_WAIT_MS = 5000;

/** Gives the figures; throws with what was lost. */
export async function splitCluster({ seed, rounds, nodeTimeoutMs, isTimed }: FailoverOptions): Promise<string> {
  const random = createSeededRandom(seed);
  const network = new NamespaceNetwork(SIZE);
  try {
    const stage = new FailoverStage(network.places((index) => directivesOf(index, nodeTimeoutMs)));
    const splits = new Splits(stage, network, nodeTimeoutMs);
    return await stage.play(async () => {
      for (let number = 1; number <= rounds; number++) {
        const kind = KINDS[(number - 1) % KINDS.length] as Kind;
        await splits.round(number, { kind, shard: random.below(SHARDS), extraMs: random.below(LONGEST_SPLIT_MS) });
      }
      await stage.verifyAll();
      await splits.verifyPinned();
      const text = `${rounds} partitions, seed ${seed}: ${splits.inWords()}`;
      if (isTimed) {
        checkTimes(text, splits.resumeMs, nodeTimeoutMs + PROMISED_MS);
        checkTimes(text, splits.refuseMs, nodeTimeoutMs + REFUSED_MS);
      }
      return text;
    });
  } finally {
    network.remove();
  }
}

interface Split {
  readonly kind: Kind;
  readonly shard: number;
  readonly extraMs: number;
}

class Splits {
  readonly resumeMs: number[] = [];
  readonly refuseMs: number[] = [];
  readonly #leadMs: number[] = [];
  readonly #healMs: number[] = [];
  readonly #resumeAfterHealMs: number[] = [];
  readonly #clients: PinnedClient[] = [];
  readonly #stage: FailoverStage;
  readonly #network: NamespaceNetwork;
  readonly #nodeTimeoutMs: number;

  constructor(stage: FailoverStage, network: NamespaceNetwork, nodeTimeoutMs: number) {
    this.#stage = stage;
    this.#network = network;
    this.#nodeTimeoutMs = nodeTimeoutMs;
  }

  async round(number: number, { kind, shard, extraMs }: Split): Promise<void> {
    const { fleet, load } = this.#stage;
    const primary = await fleet.primaryOfShard(shard);
    load.beginRound(number);
    const companions = await this.#companions(kind, shard);
    const client = kind.hasClient ? await this.#pin(primary, shard, number) : undefined;
    await pause(BEFORE_MS);
    const isReplaced = kind.companion !== "its replica";
    this.#network.isolate([primary.index, ...companions]);
    const splitMs = Date.now();
    const resumed = this.#stage.resumeMs(shard, splitMs);
    if (isReplaced) this.resumeMs.push(await resumed);
    else await pause(this.#nodeTimeoutMs * 1.5);
    await pause(extraMs);
    const healedMs = Date.now();
    this.#checkRefusal(client, splitMs, isReplaced);
    this.#network.heal();
    if (!isReplaced) this.#resumeAfterHealMs.push((await resumed) + splitMs - healedMs);
    await fleet.isWhole();
    this.#healMs.push(Date.now() - healedMs);
    const isStillPrimary = (await fleet.primaryOf(primary)) === primary;
    if (isStillPrimary === isReplaced) throw new Error(`Node ${primary.index} has the wrong role after healing`);
    if (client !== undefined) await endWaits(client);
    if (isReplaced && (client?.acceptedAfterRefusal ?? 0) > 0) throw new Error("A replaced primary took writes again");
    await load.verify(number);
  }

  async verifyPinned(): Promise<void> {
    const { nodes } = this.#stage.fleet;
    const reader = new Writer("reader", () => nodes.map(({ place }) => place.address));
    for (const { lists } of this.#clients) for (const list of lists) await verifyList(reader, list);
    reader.close();
  }

  inWords(): string {
    const waits = this.#clients.flatMap(({ lists }) => lists).reduce((sum, list) => sum + list.acknowledged.length, 0);
    const { acknowledged, accepted } = this.#stage.load;
    return [
      inWords("writes resumed", this.resumeMs),
      inWords("the smaller side refused writes", this.refuseMs),
      `shortest time between the two ${inSeconds(Math.min(...this.#leadMs))}`,
      inWords("after healing all agreed", this.#healMs),
      inWords("writes resumed after healing where nobody could take over", this.#resumeAfterHealMs),
      `${acknowledged + waits} writes acknowledged by a replica, ${accepted} without`,
    ].join("; ");
  }

  async #companions({ companion }: Kind, shard: number): Promise<number[]> {
    if (companion === "none") return [];
    const itsShard = companion === "its replica" ? shard : (shard + 1) % SHARDS;
    const primary = await this.#stage.fleet.primaryOfShard(itsShard);
    return [(primary.index + SHARDS) % SIZE];
  }

  async #pin(primary: FleetNode, shard: number, round: number): Promise<PinnedClient> {
    const tag = this.#stage.tagOf(shard);
    const client = new PinnedClient(primary.place.observer, tag, round);
    this.#clients.push(client);
    await client.start();
    return client;
  }

  #checkRefusal(client: PinnedClient | undefined, splitMs: number, isReplaced: boolean): void {
    if (client === undefined) return;
    const { refusedMs, acceptedAfterRefusal, lastAcceptedMs, answers, failure } = client;
    if (failure !== "") throw new Error(`The client of the smaller side fails: ${failure}`);
    if (refusedMs === 0) {
      const lastMs = lastAcceptedMs - splitMs;
      const what = `the last one was taken after ${inSeconds(lastMs)}, it is to ${client.activity}`;
      throw new Error(`The smaller side has not refused a write; ${what}`);
    }
    if (acceptedAfterRefusal > 0) throw new Error("The smaller side took writes after it had refused others");
    const words = [...answers].join(", ");
    if (!words.startsWith("CLUSTERDOWN")) throw new Error(`The smaller side answered ${words}`);
    this.refuseMs.push(refusedMs - splitMs);
    if (!isReplaced) return;
    const leadMs = splitMs + (this.resumeMs.at(-1) as number) - lastAcceptedMs;
    this.#leadMs.push(leadMs);
    if (leadMs < 0) throw new Error(`Two primaries took writes for the same slots for ${-leadMs} ms`);
  }
}

/** Nobody waits on for copies at a node that makes none. */
async function endWaits(client: PinnedClient): Promise<void> {
  const endMs = Date.now() + LONGEST_WAIT_MS;
  while (client.openWaits > 0 && Date.now() < endMs) await pause(50);
  const { openWaits } = client;
  await client.stop();
  if (openWaits > 0) throw new Error(`${openWaits} clients still wait for copies`);
}
