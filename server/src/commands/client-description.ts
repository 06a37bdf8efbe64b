/** One client as a line of CLIENT LIST, with Redis' fields in Redis' order; and the types clients are told apart by. */

import type { Call } from "./call.ts";
import type { Client } from "./client.ts";
import { ClientFlag } from "./client.ts";
import { clientBytes } from "./client-memory.ts";

export type ClientType = "normal" | "master" | "replica" | "pubsub";

const TYPE_WORDS: ReadonlyMap<string, ClientType> = new Map(
  Object.entries<ClientType>({
    normal: "normal",
    master: "master",
    slave: "replica",
    replica: "replica",
    pubsub: "pubsub",
  }),
);

export function parseClientType(word: string): ClientType | undefined {
  return TYPE_WORDS.get(word.toLowerCase());
}

export function clientType(client: Client): ClientType {
  if (client.has(ClientFlag.primary)) return "master";
  if (client.has(ClientFlag.replica)) return "replica";
  return client.has(ClientFlag.subscribed) ? "pubsub" : "normal";
}

const FLAG_LETTERS: readonly (readonly [letter: string, flag: number])[] = [
  ["O", ClientFlag.monitor],
  ["S", ClientFlag.replica],
  ["M", ClientFlag.primary],
  ["P", ClientFlag.subscribed],
  ["x", ClientFlag.multi],
  ["b", ClientFlag.blocked],
  ["c", ClientFlag.closeAfterReply],
  ["r", ClientFlag.readOnly],
  ["e", ClientFlag.noEvict],
  ["T", ClientFlag.noTouch],
];

function lettersOf(client: Client): string {
  const { tracking } = client;
  return [
    ...FLAG_LETTERS.filter(([, flag]) => client.has(flag)).map(([letter]) => letter),
    tracking === undefined ? "" : "t",
    tracking?.isRedirectBroken === true ? "R" : "",
    tracking?.isBroadcast === true ? "B" : "",
  ].join("");
}

export function describeClient(call: Call, client: Client): string {
  const { nowMs } = call;
  const letters = lettersOf(client);
  const seconds = (sinceMs: number): number => Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
  const { queryBytes, outputBytes, fileDescriptor } = client.connection;
  const isCaller = client === call.client;
  const command = isCaller ? call.command : client.lastCommand;
  const fields: readonly (readonly [string, string | number])[] = [
    ["id", client.id],
    ["addr", client.address],
    ["laddr", client.localAddress],
    ["fd", fileDescriptor],
    ["name", client.name],
    ["age", seconds(client.createdAtMs)],
    ["idle", seconds(client.lastActiveMs)],
    ["flags", letters === "" ? "N" : letters],
    ["db", client.databaseIndex],
    ["sub", client.channels?.size ?? 0],
    ["psub", client.patterns?.size ?? 0],
    ["ssub", client.shardChannels?.size ?? 0],
    ["multi", client.has(ClientFlag.multi) ? (client.queued?.length ?? 0) : -1],
    ["qbuf", queryBytes],
    ["qbuf-free", 0],
    ["argv-mem", 0],
    ["multi-mem", client.queuedBytes],
    ["rbs", 0],
    ["rbp", 0],
    ["obl", 0],
    ["oll", outputBytes > 0 ? 1 : 0],
    ["omem", outputBytes],
    ["tot-mem", clientBytes(client, call.server.keyspace.watches)],
    ["events", outputBytes > 0 ? "rw" : "r"],
    ["cmd", command < 0 ? "NULL" : (call.server.table.fullNames[command] ?? "NULL")],
    ["user", client.userName],
    ["redir", client.tracking?.redirect ?? -1],
    ["resp", client.protocol],
    ["lib-name", client.libraryName],
    ["lib-ver", client.libraryVersion],
  ];
  return fields.map(([name, value]) => `${name}=${value}`).join(" ");
}
