/** REPLICAOF, FAILOVER, ROLE, PSYNC and SYNC, REPLCONF. */

import type { ReplicaSession } from "../replication/replica-session.ts";
import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { ClientFlag } from "./client.ts";
import { type CommandRow, defineCommands } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";

const REPLICAOF: Omit<CommandRow, "name" | "since" | "summary"> = {
  arity: 3,
  flags: ["admin", "noscript", "stale", "no_async_loading"],
  categories: ["dangerous"],
  group: "server",
  complexity: "O(1)",
  syntax: "host port | NO ONE",
  run: replicaof,
};

export const replicationCommands = defineCommands([
  {
    ...REPLICAOF,
    name: "replicaof",
    since: "5.0.0",
    summary: "Makes this server the replica of another, or a primary.",
  },
  { ...REPLICAOF, name: "slaveof", since: "1.0.0", summary: "The old name of REPLICAOF." },
  {
    name: "failover",
    arity: -1,
    flags: ["admin", "noscript", "stale"],
    categories: ["dangerous"],
    group: "server",
    since: "6.2.0",
    complexity: "O(1)",
    summary: "Hands the role of the primary over to a replica that has everything.",
    syntax: "[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]",
    run: failover,
  },
  {
    name: "role",
    arity: 1,
    flags: ["noscript", "loading", "stale", "fast"],
    categories: ["admin", "dangerous"],
    group: "server",
    since: "2.8.12",
    complexity: "O(1)",
    summary: "Tells whether this server is a primary or a replica, and with whom it is connected.",
    syntax: "",
    run: role,
  },
  {
    name: "psync",
    arity: -3,
    flags: ["admin", "noscript", "no_async_loading", "no_multi"],
    group: "server",
    since: "2.8.0",
    complexity: "O(N) in the size of the data set for a full sync",
    summary: "Asks for the stream of changes from a point on, or with everything before it.",
    syntax: "replicationid offset",
    run: psync,
  },
  {
    name: "sync",
    arity: 1,
    flags: ["admin", "noscript", "no_async_loading", "no_multi"],
    group: "server",
    since: "1.0.0",
    complexity: "O(N) in the size of the data set",
    summary: "Asks for everything and the stream of changes after it.",
    syntax: "",
    run: sync,
  },
  {
    name: "replconf",
    arity: -1,
    flags: ["admin", "noscript", "loading", "stale", "allow_busy"],
    group: "server",
    since: "3.0.0",
    complexity: "O(1)",
    summary: "What a replica tells its primary about itself, and how far it is.",
    syntax: "",
    run: replconf,
  },
]);

const MAX_PORT = 65535;

function replicaof(call: Call): void {
  const { replication, config, isClusterEnabled } = call.server;
  if (isClusterEnabled) throw new CommandError("ERR REPLICAOF not allowed in cluster mode.");
  if (replication.lease.isOn) throw new CommandError("ERR REPLICAOF not allowed where roles are given by GROUP.");
  if (replication.failover.isUnderWay) throw new CommandError("ERR REPLICAOF not allowed while failing over.");
  if (call.is(1, "no") && call.is(2, "one")) {
    replication.promote();
    config.assign("replicaof", undefined);
    call.reply.ok();
    return;
  }
  if (call.client.has(ClientFlag.replica)) {
    throw new CommandError("ERR Command is not valid when client is a replica.");
  }
  const port = integerArgument(call, 2, "ERR Invalid master port");
  if (port < 0 || port > MAX_PORT) throw new CommandError("ERR Invalid master port");
  const host = call.text(1);
  const current = replication.primary;
  if (current?.host === host && current.port === port) {
    call.reply.status("OK Already connected to specified master");
    return;
  }
  replication.follow(host, port);
  config.assign("replicaof", { host, port });
  call.reply.ok();
}

interface FailoverWords {
  target: { readonly host: string; readonly port: number } | undefined;
  isForced: boolean;
  timeoutMs: number | undefined;
  isAborting: boolean;
}

function failoverWords(call: Call): FailoverWords {
  const words: FailoverWords = { target: undefined, isForced: false, timeoutMs: undefined, isAborting: false };
  for (let i = 1; i < call.argc; i++) {
    const left = call.argc - 1 - i;
    if (call.is(i, "timeout") && left > 0 && words.timeoutMs === undefined) {
      words.timeoutMs = integerArgument(call, ++i);
      if (words.timeoutMs <= 0) throw new CommandError("ERR FAILOVER timeout must be greater than 0");
    } else if (call.is(i, "abort") && !words.isAborting) words.isAborting = true;
    else if (call.is(i, "to") && left > 1 && words.target === undefined) {
      words.target = { host: call.text(i + 1), port: integerArgument(call, i + 2) };
      i += 2;
    } else if (call.is(i, "force") && !words.isForced) words.isForced = true;
    else throw new CommandError(ERRORS.syntax);
  }
  return words;
}

function failover(call: Call): void {
  const { replication, isClusterEnabled } = call.server;
  if (isClusterEnabled)
    throw new CommandError("ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.");
  const { target, isForced, timeoutMs, isAborting } = failoverWords(call);
  if (isAborting) {
    if (call.argc > 2) throw new CommandError(ERRORS.syntax);
    if (!replication.failover.isUnderWay) throw new CommandError("ERR No failover in progress.");
    replication.failover.abort("Failover manually aborted");
    call.reply.ok();
    return;
  }
  if (replication.failover.isUnderWay) throw new CommandError("ERR FAILOVER already in progress.");
  if (replication.isReplica) throw new CommandError("ERR FAILOVER is not valid when server is a replica.");
  if (replication.replicas.sessions.length === 0) throw new CommandError("ERR FAILOVER requires connected replicas.");
  if (isForced && (timeoutMs === undefined || target === undefined)) {
    throw new CommandError("ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
  }
  const session = target === undefined ? undefined : sessionAt(call, target);
  replication.failover.start({ target: session, isForced, timeoutMs: timeoutMs ?? 0 });
  call.reply.ok();
}

function sessionAt(call: Call, target: { readonly host: string; readonly port: number }): ReplicaSession {
  const { replicas } = call.server.replication;
  const session = replicas.sessions.find((one) => {
    const { host, port } = replicas.addressOf(one);
    return host === target.host && port === target.port;
  });
  if (session === undefined) throw new CommandError("ERR FAILOVER target HOST and PORT is not a replica.");
  if (session.state !== "online") throw new CommandError("ERR FAILOVER target replica is not online.");
  return session;
}

function role(call: Call): void {
  const { reply, server } = call;
  const facts = server.replication.facts();
  const link = server.replication.link;
  if (link === undefined) {
    reply.array(3);
    reply.bulkString("master");
    reply.integer(facts.offset);
    const online = facts.replicas.filter((replica) => replica.state === "online");
    reply.array(online.length);
    for (const replica of online) {
      reply.array(3);
      reply.bulkString(replica.address);
      reply.bulkString(String(replica.port));
      reply.bulkString(String(replica.offset));
    }
    return;
  }
  reply.array(5);
  reply.bulkString("slave");
  reply.bulkString(link.host);
  reply.integer(link.port);
  reply.bulkString(link.state);
  reply.integer(link.isUp ? facts.offset : -1);
}

/** The session of a client that may synchronize now; replies with the reason and gives undefined if it may not. */
function sessionForSync(call: Call): ReplicaSession | undefined {
  const { client, server, reply } = call;
  if (client.has(ClientFlag.replica)) return undefined;
  const { link, replicas } = server.replication;
  // A node of a cluster without data must not wipe out replicas that have some (cluster/start-guard.ts).
  if ((link !== undefined && !link.isUp) || server.cluster?.mayBeSyncedFrom === false) {
    reply.error("NOMASTERLINK Can't SYNC while not connected with my master");
    return undefined;
  }
  if (server.replication.failover.isUnderWay) {
    reply.error("NOMASTERLINK Can't SYNC while failing over");
    return undefined;
  }
  client.set(ClientFlag.replica, true);
  return replicas.sessionOf(client, true);
}

function psync(call: Call): void {
  const next = integerArgument(call, 2);
  if (call.argc > 3 && call.is(3, "failover")) takeOver(call);
  const session = sessionForSync(call);
  if (session === undefined) return;
  const { history, replicas } = call.server.replication;
  if (session.wantsLibrariesOnly) sendLibraries(call, `+FULLRESYNC ${history.id} ${history.offset}\r\n`);
  else replicas.synchronize(session, call.text(1), next);
}

/** They are few: no snapshot in the background is needed. Nothing follows. */
function sendLibraries({ server, reply }: Call, head: string): void {
  const file = server.persistence.librariesFile();
  reply.raw(Buffer.concat([Buffer.from(`${head}$${file.length}\r\n`), file]));
}

/** Our primary hands over to us. */
function takeOver(call: Call): void {
  const { replication, config, logger } = call.server;
  logger.warning(`Failover request received for replid ${call.text(1)}.`);
  if (!replication.isReplica) throw new CommandError("ERR PSYNC FAILOVER can't be sent to a master.");
  if (call.text(1) !== replication.history.id) {
    throw new CommandError("ERR PSYNC FAILOVER replid must match my replid.");
  }
  replication.promote(replication.replicas.sessionOf(call.client, false));
  replication.lease.grant(replication.lease.ticket);
  config.assign("replicaof", undefined);
}

function sync(call: Call): void {
  const session = sessionForSync(call);
  if (session === undefined) return;
  if (session.wantsLibrariesOnly) {
    sendLibraries(call, "");
    return;
  }
  session.usesOldSync = true;
  call.server.replication.replicas.synchronize(session, "?", -1);
}

type Option = (session: ReplicaSession, call: Call, index: number) => void;

const OPTIONS: ReadonlyMap<string, Option> = new Map(
  Object.entries<Option>({
    "listening-port": (session, call, index) => {
      session.listeningPort = integerArgument(call, index);
    },
    "ip-address": (session, call, index) => {
      session.announcedAddress = call.text(index);
    },
    capa: (session, call, index) => {
      if (call.is(index, "eof")) session.understandsEndMark = true;
      else if (call.is(index, "psync2")) session.understandsPsync2 = true;
      else if (call.is(index, "group")) session.isOfGroup = true;
    },
    "rdb-only": (session, call, index) => {
      session.isSnapshotOnly = integerArgument(call, index) === 1;
    },
    version: () => undefined,
    "rdb-filter-only": (session, call, index) => {
      const kinds = call
        .text(index)
        .split(" ")
        .filter((kind) => kind !== "");
      const unknown = kinds.find((kind) => kind.toLowerCase() !== "functions");
      if (unknown !== undefined) throw new CommandError(`ERR Unsupported rdb-filter-only option: ${unknown}`);
      session.wantsLibrariesOnly = kinds.length > 0;
    },
  }),
);

function replconf(call: Call): void {
  const { client, server, reply } = call;
  const { replicas, link } = server.replication;
  if ((call.argc & 1) === 0) throw new CommandError(ERRORS.syntax);
  for (let i = 1; i < call.argc; i += 2) {
    const name = call.text(i).toLowerCase();
    // These two are signals, not settings: they get no reply.
    if (name === "ack") {
      if (!client.has(ClientFlag.replica)) return;
      const isDurabilityTold = call.argc > i + 3 && call.is(i + 2, "fack");
      const durable = isDurabilityTold ? integerArgument(call, i + 3) : undefined;
      replicas.acknowledge(client, integerArgument(call, i + 1), durable);
      return;
    }
    if (name === "getack") {
      if (client.has(ClientFlag.primary)) link?.acknowledge();
      return;
    }
    const option = OPTIONS.get(name);
    if (option === undefined) throw new CommandError(`ERR Unrecognized REPLCONF option: ${call.text(i)}`);
    option(replicas.sessionOf(client, true) as ReplicaSession, call, i + 1);
  }
  reply.ok();
}
