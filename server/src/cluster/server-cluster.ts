/**
 * Makes the Cluster of a server from the server's parts: the place that knows both sides. What belongs to layers above
 * (pausing clients, deleting a key with propagation, ending the process) comes in as functions.
 */

import { isAbsolute, join } from "node:path";
import { bindAddress } from "../config/bind-address.ts";
import type { Config } from "../config/config.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { SlotSweep } from "../keyspace/slot-sweep.ts";
import type { Logger } from "../observability/logger.ts";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import type { PublishSubscribe } from "../pubsub/publish-subscribe.ts";
import type { BusTransport } from "./bus.ts";
import { Cluster, type ReplicationPort } from "./cluster.ts";
import { broadcastPong } from "./gossip.ts";
import { localDisk } from "./local-disk.ts";
import { resolveHostname } from "./name-resolver.ts";
import { prepareNodes } from "./prepared-nodes.ts";
import { busPortFor, type ListeningPorts, liveSettings } from "./settings.ts";
import { type ClusterState, needsSave } from "./state.ts";
import { forgetSurplus } from "./surplus-slots.ts";

export interface ServerClusterParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly keyspace: Keyspace;
  readonly pubsub: PublishSubscribe;
  readonly replication: ReplicationPort;
  /** Deletes a key and tells replicas and the AOF. */
  deleteKey(key: Buffer): void;
  readonly busTransport: BusTransport;
  ownersChanged(): void;
  pauseWrites(untilMs: number): void;
  resumeWrites(): void;
  fatal(error: Error): void;
}

export interface ServerCluster {
  readonly cluster: Cluster;
  readonly sweep: SlotSweep;
  /** Opens the bus once the client port is known and the data set is loaded. */
  start(port: number): Promise<void>;
  /** Clients are served on this port from now on; the bus stays where it is. */
  moved(port: number): void;
}

export function createServerCluster(parts: ServerClusterParts): ServerCluster {
  const { config, keyspace, logger, pubsub } = parts;
  const port = config.get("port");
  const ports: ListeningPorts = { port, tlsPort: config.get("tls-port"), busPort: busPortFor(config, port) };
  const sweep = new SlotSweep(keyspace, parts.deleteKey, (slots) => {
    cluster.change((state) => forgetSurplus(state, slots));
  });
  const cluster = new Cluster(
    {
      settings: liveSettings(config, ports),
      configFile: configFileOf(config),
      busHosts: config.get("bind").map(bindAddress),
      busTransport: parts.busTransport,
      linkSendBufferLimit: () => config.get("cluster-link-sendbuf-limit"),
    },
    {
      clock: parts.clock,
      random: parts.random,
      disk: localDisk,
      replication: parts.replication,
      keyspace: {
        keyspaceIsEmpty: () => keyspace.count === 0,
        countKeysInSlot: (slot) => keyspace.countInSlot(slot),
        keysInSlot: (slot, limit) => keyspace.keysInSlot(slot, limit),
        dropSlotKeys: (slots) => startSweep(sweep, slots, parts),
        dropSlotKeysNow: (slots) => sweep.finish(slots),
      },
      deliver: (channel, message, isSharded) => {
        if (isSharded) pubsub.publishShard(channel, message);
        else pubsub.publish(channel, message);
      },
      slotsLost: (slots) => pubsub.dropShardChannels(new Set(slots)),
      ownersChanged: () => parts.ownersChanged(),
      pauseWrites: (untilMs) => parts.pauseWrites(untilMs),
      resumeWrites: () => parts.resumeWrites(),
      resolve: resolveHostname,
      log: (level, text) => logger[level](text),
      fatal: (error) => parts.fatal(error),
    },
  );
  keyspace.foreignSlots = cluster.state.surplus;
  const meterSlots = (): undefined => {
    cluster.slotUse.isOn = config.get("cluster-slot-stats-enabled");
  };
  meterSlots();
  config.onChange(["cluster-slot-stats-enabled"], meterSlots);
  config.onChange(["cluster-announce-external-host", "cluster-announce-external-port"], () => {
    cluster.change((state) => broadcastExternal(state));
    return undefined;
  });
  return {
    cluster,
    sweep,
    moved(port) {
      Object.assign(ports, { port, tlsPort: config.get("tls-port") });
    },
    async start(port) {
      rememberExternal(config, cluster);
      ports.port = port;
      ports.busPort = await cluster.start(busPortFor(config, port));
    },
  };
}

/** GROUP NODES: takes the text of the file with which this server will start in a cluster, or says what is wrong with it. */
export function nodesPreparation({
  config,
  random,
  clock,
}: Pick<ServerClusterParts, "config" | "random" | "clock">): (text: string) => string | undefined {
  const settings = liveSettings(config, { port: config.get("port"), tlsPort: config.get("tls-port"), busPort: 0 });
  return (text) =>
    prepareNodes(text, { settings, random, now: clock.nowMs(), disk: localDisk, path: configFileOf(config) });
}

function configFileOf(config: Config): string {
  const file = config.get("cluster-config-file");
  return isAbsolute(file) ? file : join(config.get("dir"), file);
}

/** What was announced before the last stop still is, until somebody says otherwise. */
function rememberExternal(config: Config, { state }: Cluster): void {
  const { externalHost, externalPort } = state.myself;
  if (externalHost === "" || config.get("cluster-announce-external-host") !== "") return;
  config.assign("cluster-announce-external-host", externalHost);
  config.assign("cluster-announce-external-port", externalPort);
}

function broadcastExternal(state: ClusterState): void {
  needsSave(state);
  broadcastPong(state, "all");
}

const SWEEP_SLICE_US = 500;
const SWEEP_PAUSE_MS = 1;

function startSweep(sweep: SlotSweep, slots: readonly number[], { clock, keyspace }: ServerClusterParts): void {
  const isUnderWay = sweep.waiting > 0;
  sweep.add(slots);
  const slice = (): void => {
    if (keyspace.isReplica) {
      sweep.forget();
      return;
    }
    keyspace.setNow(clock.nowMs());
    const endUs = clock.monotonicUs() + SWEEP_SLICE_US;
    if (!sweep.run(() => clock.monotonicUs() >= endUs)) clock.after(SWEEP_PAUSE_MS, slice);
  };
  if (!isUnderWay) clock.after(0, slice);
}
