/** A cluster of processes of one or both kinds that redis-cli changes while recorded writes go on: the stage of tests. */

import { eventually } from "../persistence/reference-redis.ts";
import { slotOf } from "./cluster-client.ts";
import { RecordedWrites } from "./recorded-writes.ts";
import { RedisPyLoad, type RedisPyReport } from "./redis-py-load.ts";
import { redisCli, type ServerKind, ServerProcess } from "./server-process.ts";

const DIRECTIVES = [
  ...["--cluster-enabled", "yes", "--cluster-node-timeout", "3000", "--repl-diskless-sync-delay", "0"],
  ...["--enable-debug-command", "yes"],
];
const WRITERS = 4;
const SLOTS = 16_384;
const MOST_QUESTIONS = 10;

export class ClusterScene {
  /** The nodes that belong to the cluster. */
  readonly members: ServerProcess[] = [];
  readonly #kinds: readonly ServerKind[];
  readonly #password: string | undefined;
  readonly #started: ServerProcess[] = [];
  #load: RecordedWrites | undefined;
  #redisPy: RedisPyLoad | undefined;

  /** Nodes are of these kinds in turn. With a password, REDISCLI_AUTH must hold it, for redis-cli. */
  constructor(kinds: readonly ServerKind[], password?: string) {
    this.#kinds = kinds;
    this.#password = password;
  }

  get load(): RecordedWrites {
    if (this.#load === undefined) throw new Error("Nothing is being written yet");
    return this.#load;
  }

  get seed(): ServerProcess {
    return this.members[0] as ServerProcess;
  }

  /** A node that is to join the cluster. */
  async start(): Promise<ServerProcess> {
    const kind = this.#kinds[this.members.length % this.#kinds.length] as ServerKind;
    const password = this.#password;
    const secrets = password === undefined ? [] : ["--requirepass", password, "--masterauth", password];
    const node = await this.#process(kind, [...DIRECTIVES, ...secrets]);
    this.members.push(node);
    return node;
  }

  async startAlone(kind: ServerKind): Promise<ServerProcess> {
    return this.#process(kind, DIRECTIVES.slice(-2));
  }

  async #process(kind: ServerKind, directives: readonly string[]): Promise<ServerProcess> {
    const node = await ServerProcess.start(kind, directives);
    this.#started.push(node);
    return node;
  }

  async write(tags: readonly string[]): Promise<void> {
    const [seedPort, password] = [this.seed.port, this.#password];
    this.#load = new RecordedWrites({ seedPort, writers: WRITERS, tags, seed: 1, password });
    await this.#load.start();
  }

  /** The same by redis-py, beside. */
  async writeByRedisPy(tags: readonly string[]): Promise<void> {
    this.#redisPy = await RedisPyLoad.start(this.seed.port, tags);
  }

  /** Undefined if redis-py did not write. */
  async endRedisPy(): Promise<RedisPyReport | undefined> {
    const report = await this.#redisPy?.stop();
    this.#redisPy = undefined;
    return report;
  }

  /** Runs `redis-cli --cluster` and gives what it prints. */
  async cli(command: string, ...args: readonly string[]): Promise<string> {
    // It wants some answers from a person, whatever --cluster-yes says.
    return redisCli(["--cluster", command, ...args, "--cluster-yes"], "yes\n".repeat(MOST_QUESTIONS));
  }

  /** What `check` prints once all members have heard of the last change; rejects if it goes on finding faults. */
  async check(): Promise<string> {
    let report = "";
    const isWell = async (): Promise<boolean> => {
      report = await this.cli("check", this.seed.address).catch(({ message }: Error) => message);
      return !/\[ERR\]|\[WARNING\]|failed/.test(report) && (await this.#isEachReady());
    };
    await eventually("check finds no fault", isWell).catch((error: Error) => {
      throw new Error(`${error.message}; the last report:\n${report}`, { cause: error });
    });
    return report;
  }

  async #isEachReady(): Promise<boolean> {
    const infos = await Promise.all(this.members.map((node) => node.command("CLUSTER", "INFO")));
    const known = `cluster_known_nodes:${this.members.length}\r`;
    return infos.every((info) => info.includes("cluster_state:ok") && info.includes(known));
  }

  async primaries(): Promise<ServerProcess[]> {
    const roles = await Promise.all(this.members.map((node) => node.command("ROLE")));
    return this.members.filter((_, n) => roles[n]?.startsWith("master"));
  }

  async ownerOf(slot: number): Promise<ServerProcess> {
    return ownerIn(await rangesSeenBy(this.seed), this.members, slot);
  }

  /** What DEBUG DIGEST-VALUE gives for each of these keys at its owner. */
  async digestsOf(keys: readonly string[]): Promise<string[]> {
    const ranges = await rangesSeenBy(this.seed);
    const owners = keys.map((key) => ownerIn(ranges, this.members, slotOf(key)));
    const digests = new Map<string, string>();
    for (const owner of new Set(owners)) {
      const own = keys.filter((_, n) => owners[n] === owner);
      const lines = (await owner.command("DEBUG", "DIGEST-VALUE", ...own)).split("\n");
      for (const [n, key] of own.entries()) digests.set(key, lines[n] ?? "");
    }
    return keys.map((key) => digests.get(key) ?? "");
  }

  /** Makes all members forget who owns a slot. Who forgot early may hear of it again from others, so until all have. */
  async uncover(slot: number): Promise<void> {
    const owner = await this.ownerOf(slot);
    const all = [owner, ...this.members.filter((node) => node !== owner)];
    await eventually(`nobody knows an owner of slot ${slot}`, async () => {
      for (const node of all) await node.command("CLUSTER", "DELSLOTS", String(slot));
      const views = await Promise.all(all.map(rangesSeenBy));
      return views.every((ranges) => portIn(ranges, slot) === undefined);
    });
  }

  /** Replicas that do not hold what their primary holds, once nothing is written any more; empty if all do. */
  async differingReplicas(): Promise<string[]> {
    const differing: string[] = [];
    for (const node of this.members) {
      const role = (await node.command("ROLE")).split("\n");
      const primary = this.members.find(({ port }) => role[0] === "slave" && String(port) === role[2]);
      if (primary === undefined) continue;
      const same = async (): Promise<boolean> =>
        (await node.command("DEBUG", "DIGEST")) === (await primary.command("DEBUG", "DIGEST"));
      await eventually(`${node.kind} has what ${primary.kind} has`, same).catch(({ message }: Error) =>
        differing.push(message),
      );
    }
    return differing;
  }

  async keyCount(): Promise<number> {
    const sizes = await Promise.all((await this.primaries()).map((node) => node.command("DBSIZE")));
    return sizes.reduce((sum, size) => sum + Number(size), 0);
  }

  async stop(): Promise<void> {
    this.#load?.close();
    this.#redisPy?.kill();
    await Promise.all(this.#started.map((node) => node.stop()));
  }
}

type Range = readonly [first: number, last: number, owner: readonly [host: string, port: number]];

async function rangesSeenBy(node: ServerProcess): Promise<Range[]> {
  return JSON.parse(await node.command("-3", "--json", "CLUSTER", "SLOTS"));
}

function portIn(ranges: readonly Range[], slot: number): number | undefined {
  return ranges.find(([first, last]) => first <= slot && slot <= last)?.[2][1];
}

function ownerIn(ranges: readonly Range[], members: readonly ServerProcess[], slot: number): ServerProcess {
  const owner = members.find(({ port }) => port === portIn(ranges, slot));
  if (owner === undefined) throw new Error(`Slot ${slot} has no owner`);
  return owner;
}

/** Names for hash tags whose slots are among the first `width` of a third of all: the first that redis-cli moves. */
export function tagsInFirstSlots(count: number, width: number): string[] {
  const tags: string[] = [];
  for (let n = 0; tags.length < count; n++) {
    const tag = `t${n}`;
    if (slotOf(tag) % Math.ceil(SLOTS / 3) < width) tags.push(tag);
  }
  return tags;
}
