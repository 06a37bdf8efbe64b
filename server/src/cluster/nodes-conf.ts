/**
 * The text of nodes.conf, as Redis 7.0 writes it and reads it, and of CLUSTER NODES, which has the same lines. Files of
 * Redis 7.2 and later (names and shard ids behind the hostname) load too; of these only names are written, of nodes that have one. Pure; the file itself is nodes-conf-file.ts.
 *
 * A file that does not make sense is refused as a whole: guessing here could mean two owners of a slot.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { splitArguments } from "@kvcluster/protocol/split-arguments";
import { announcedBusPort } from "./announced-ports.ts";
import { isNodeId } from "./bus-message.ts";
import { type ClientView, clientAddress, externalOf } from "./client-address.ts";
import {
  type ClusterNode,
  createNode,
  epochOf,
  FLAG_NAMES,
  flagNames,
  hasFlag,
  isInHandshake,
  isReplica,
  NODE_FLAG,
} from "./cluster-node.ts";
import { bitmapOf, rangesOf } from "./slot-bitmap.ts";
import { addNode, attachToPrimary, type ClusterState, needsUpdate, renameNode } from "./state.ts";

/** Lines of CLUSTER NODES. */
export function formatNodes(state: ClusterState, view: ClientView): string {
  return [...state.nodes.values()].map((node) => `${formatNode(state, node, view)}\n`).join("");
}

/** What is worth writing to disk. Ping times are left out (as zeros), so that nothing changes when nothing changes. */
export function formatNodesConf(state: ClusterState): string {
  const known = [...state.nodes.values()].filter((node) => !isInHandshake(node)).sort(byId);
  const lines = known.map((node) => `${formatNode(state, node)}\n`).join("");
  const { currentEpoch, lastVoteEpoch, myself } = state;
  const surplus = state.surplus.size === 0 ? "" : ` surplusSlots ${formatSurplus(state.surplus)}`;
  return `${lines}vars currentEpoch ${currentEpoch} lastVoteEpoch ${lastVoteEpoch} shardId ${myself.shardId}${surplus}\n`;
}

function formatSurplus(slots: Iterable<number>): string {
  return rangesOf(bitmapOf(slots))
    .map(({ start, end }) => `${start}-${end}`)
    .join();
}

/** One line, without its end. For a client, with ping times and link state, and the port that it is to use. */
export function formatNode(state: ClusterState, node: ClusterNode, client?: ClientView): string {
  const isMyself = node === state.myself;
  const isLive = client !== undefined;
  const { ip, port, hostname } = clientAddress(state, node, client ?? IN_FILES);
  const busPort = isMyself ? announcedBusPort(state) : node.busPort;
  const fields = [
    node.id,
    `${ip}:${port}@${busPort}${namesOf(hostname, isLive ? [] : furtherNames(state, node))}`,
    flagNames(node),
    node.primary?.id ?? "-",
    isLive ? node.pingSentAt : 0,
    isLive ? node.pongReceivedAt : 0,
    epochOf(node),
    !isLive || isMyself || node.link?.isOpen === true ? "connected" : "disconnected",
    ...rangesOf(node.slots).map(({ start, end }) => (start === end ? start : `${start}-${end}`)),
  ];
  if (isMyself) {
    for (const [slot, target] of state.migrating) fields.push(`[${slot}->-${target.id}]`);
    for (const [slot, source] of state.importing) fields.push(`[${slot}-<-${source.id}]`);
  }
  return fields.join(" ");
}

/** Files hold what is said inside, with the port of those who speak TLS where the bus does. */
const IN_FILES: ClientView = { isEncrypted: true, isOutside: false };

/** Behind the address: the hostname, then what only files have. */
function namesOf(hostname: string, further: readonly string[]): string {
  if (further.length > 0) return `,${[hostname, ...further].join(",")}`;
  return hostname === "" ? "" : `,${hostname}`;
}

function furtherNames(state: ClusterState, node: ClusterNode): string[] {
  const nodeName = node === state.myself ? state.settings.announceNodeName : node.nodeName;
  const external = externalOf(state, node);
  return [
    ...(nodeName === "" ? [] : [`nodename=${nodeName}`]),
    ...(external === undefined ? [] : [`external=${external.host}:${external.port}`]),
  ];
}

/** Fills a fresh state from the text. Throws an Error that says what is wrong, with the line number. */
export function loadNodesConf(state: ClusterState, text: string): void {
  let hasMyself = false;
  const ownId = /^([0-9a-f]{40}) \S+ (?:\S*,)?myself[, ]/m.exec(text)?.[1];
  if (ownId !== undefined) renameNode(state, state.myself, ownId);
  // Some file systems leave NULs behind the end after a crash.
  for (const [index, line] of text.replace(/\0+$/, "").split("\n").entries()) {
    try {
      const fields = fieldsOf(line);
      if (fields.length === 0) continue;
      if (fields[0] === "vars") loadVariables(state, fields);
      else if (loadNode(state, fields)) {
        if (hasMyself) throw new Error('a second node is marked "myself"');
        hasMyself = true;
      }
    } catch (error) {
      throw new Error(`line ${index + 1}: ${(error as Error).message}`, { cause: error });
    }
  }
  if (!hasMyself) throw new Error('no node is marked "myself"');
  for (const node of state.nodes.values()) state.currentEpoch = Math.max(state.currentEpoch, node.configEpoch);
  const leader = state.myself.primary ?? state.myself;
  for (const node of [leader, ...leader.replicas]) node.shardId = state.myself.shardId;
  state.isMyAddressStale = true;
  state.pending.save = false;
  needsUpdate(state);
}

/** Throws where Redis finds no words, and at a NUL, which hides the rest of the line from it: slots would be lost. */
function fieldsOf(line: string): string[] {
  if (line.includes("\0")) throw new Error("it has a NUL inside");
  const fields = splitArguments(line, "latin1");
  if (fields === undefined) throw new Error("unbalanced quotes");
  return fields;
}

function loadVariables(state: ClusterState, fields: readonly string[]): void {
  if (fields.length % 2 === 0) throw new Error(`"${fields.at(-1)}" has no value`);
  for (let i = 1; i < fields.length; i += 2) {
    const value = fields[i + 1] as string;
    if (fields[i] === "currentEpoch") state.currentEpoch = parseNumber(value, "epoch");
    else if (fields[i] === "lastVoteEpoch") state.lastVoteEpoch = parseNumber(value, "epoch");
    else if (fields[i] === "shardId") state.myself.shardId = parseId(value);
    else if (fields[i] === "surplusSlots") for (const range of value.split(",")) loadSurplus(state, range);
  }
}

function loadSurplus(state: ClusterState, range: string): void {
  const [first, last = ""] = range.split("-") as [string, string?];
  const end = parseSlot(last);
  for (let slot = parseSlot(first); slot <= end; slot++) state.surplus.add(slot);
}

/** Returns whether the line is about this node itself. */
function loadNode(state: ClusterState, fields: readonly string[]): boolean {
  if (fields.length < 8) throw new Error(`${fields.length} fields where at least 8 are needed`);
  const [idText, address, flagText, primaryId, , , epoch] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const flags = parseFlags(flagText);
  const isMyself = (flags & NODE_FLAG.myself) !== 0;
  const id = parseId(idText);
  const node = isMyself ? state.myself : nodeFor(state, id);
  node.flags = flags;
  Object.assign(node, parseAddress(address));
  node.needsResolve = node.hostname !== "";
  if (hasFlag(node, NODE_FLAG.failed)) node.failedAt = state.now;
  if (primaryId !== "-") attachToPrimary(node, nodeFor(state, parseId(primaryId)));
  node.configEpoch = isReplica(node) ? 0 : parseNumber(epoch, "epoch");
  for (const field of fields.slice(8)) loadSlots(state, node, field);
  return isMyself;
}

function nodeFor(state: ClusterState, id: string): ClusterNode {
  const known = state.nodes.get(id);
  if (known !== undefined) return known;
  const node = createNode({ id, flags: 0, now: state.now });
  if (!addNode(state, node)) throw new Error("too many nodes");
  return node;
}

function loadSlots(state: ClusterState, node: ClusterNode, field: string): void {
  const open = /^\[(\d+)-([<>])-([0-9a-f]{40})\]$/.exec(field);
  if (open !== null) {
    const slot = parseSlot(open[1] as string);
    (open[2] === ">" ? state.migrating : state.importing).set(slot, nodeFor(state, open[3] as string));
    return;
  }
  const [first, last = first] = field.split("-") as [string, string?];
  const end = parseSlot(last);
  for (let slot = parseSlot(first); slot <= end; slot++) {
    if (state.table.ownerOf(slot) !== undefined) throw new Error(`slot ${slot} has two owners`);
    state.table.assign(slot, node);
  }
}

interface ParsedAddress {
  readonly ip: string;
  readonly port: number;
  readonly busPort: number;
  readonly hostname: string;
  readonly nodeName: string;
  readonly externalHost: string;
  readonly externalPort: number;
  readonly shardId?: string;
}

/** ip:port@busport[,hostname[,name=value...]]; an IPv6 address has colons itself. */
function parseAddress(text: string): ParsedAddress {
  const match = /^([^,]*):(\d+)(?:@(\d+))?(?:,([^,=]*))?((?:,[a-z-]+=[^,]*)*)$/.exec(text);
  if (match === null) throw new Error(`"${text}" is not an address`);
  const port = parsePort(match[2] as string);
  const shardId = /,shard-id=([0-9a-f]{40})/.exec(match[5] ?? "")?.[1];
  const external = /,external=([^,]*):(\d+)/.exec(match[5] ?? "");
  const address = {
    ip: match[1] as string,
    port,
    busPort: match[3] === undefined ? port + 10_000 : parsePort(match[3]),
    hostname: match[4] ?? "",
    nodeName: /,nodename=([^,]*)/.exec(match[5] ?? "")?.[1] ?? "",
    externalHost: external?.[1] ?? "",
    externalPort: external === null ? 0 : parsePort(external[2] as string),
  };
  return shardId === undefined ? address : { ...address, shardId };
}

function parseFlags(text: string): number {
  if (text === "noflags") return 0;
  let flags = 0;
  for (const name of text.split(",")) {
    const known = FLAG_NAMES.find(([, known]) => known === name);
    if (known === undefined) throw new Error(`"${name}" is not a flag`);
    flags |= known[0];
  }
  return flags;
}

function parseId(text: string): string {
  if (!isNodeId(text)) throw new Error(`"${text}" is not a node id`);
  return text;
}

function parseSlot(text: string): number {
  const slot = parseNumber(text, "slot");
  if (slot >= SLOT_COUNT) throw new Error(`"${text}" is not a slot`);
  return slot;
}

function parsePort(text: string): number {
  const port = parseNumber(text, "port");
  if (port > 65_535) throw new Error(`"${text}" is not a port`);
  return port;
}

function parseNumber(text: string, what: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new Error(`"${text}" is not a number (${what})`);
  return value;
}

function byId(a: ClusterNode, b: ClusterNode): number {
  return a.id < b.id ? -1 : 1;
}
