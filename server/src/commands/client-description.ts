/** One client as a line of CLIENT LIST, with Redis' fields in Redis' order; and the types clients are told apart by. */

import type { Watches } from "../keyspace/watches.ts";
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

const FIRST_LETTERS: readonly (readonly [letter: string, flag: number])[] = [
  ["O", ClientFlag.monitor],
  ["S", ClientFlag.replica],
  ["M", ClientFlag.primary],
  ["P", ClientFlag.subscribed],
  ["x", ClientFlag.multi],
  ["b", ClientFlag.blocked | ClientFlag.held],
];

const LAST_LETTERS: readonly (readonly [letter: string, flag: number])[] = [
  ["c", ClientFlag.closeAfterReply],
  ["r", ClientFlag.readOnly],
  ["e", ClientFlag.noEvict],
  ["T", ClientFlag.noTouch],
];

function lettersOf(client: Client, watches: Watches): string {
  const { tracking } = client;
  const lettersAmong = (letters: typeof FIRST_LETTERS): string =>
    letters.map(([letter, flag]) => (client.has(flag) ? letter : "")).join("");
  return [
    lettersAmong(FIRST_LETTERS),
    tracking === undefined ? "" : "t",
    tracking?.isRedirectBroken === true ? "R" : "",
    tracking?.isBroadcast === true ? "B" : "",
    watches.isTouched(client) ? "d" : "",
    lettersAmong(LAST_LETTERS),
  ].join("");
}

export function describeClient(call: Call, client: Client): string {
  const { nowMs } = call;
  const { watches } = call.server.keyspace;
  const letters = lettersOf(client, watches);
  const seconds = (sinceMs: number): number => Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
  const { queryBytes, outputBytes, fileDescriptor } = client.connection;
  const isCaller = client === call.client;
  const [argumentBytes, requestBytes] = isCaller ? sizesOf(call) : [0, 0];
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
    ["qbuf", queryBytes + requestBytes],
    ["qbuf-free", 0],
    ["argv-mem", argumentBytes],
    ["multi-mem", client.queuedBytes],
    ["rbs", 0],
    ["rbp", 0],
    ["obl", 0],
    ["oll", outputBytes > 0 ? 1 : 0],
    ["omem", outputBytes],
    ["tot-mem", clientBytes(client, watches)],
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

/** The bytes of the arguments of the request that runs, and of all of it. */
function sizesOf({ argc, length }: Call): [argumentBytes: number, requestBytes: number] {
  let argumentBytes = 0;
  let requestBytes = `*${argc}\r\n`.length;
  for (let i = 0; i < argc; i++) {
    const bytes = length[i] as number;
    argumentBytes += bytes;
    requestBytes += `$${bytes}\r\n\r\n`.length + bytes;
  }
  return [argumentBytes, requestBytes];
}
