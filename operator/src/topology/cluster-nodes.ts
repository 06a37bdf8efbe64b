/**
 * Reads the reply of CLUSTER NODES in the line format of Redis 7:
 *   <id> <ip:port@cport[,hostname[,key=value]...]> <flags> <primary id|-> <ping sent> <pong received> <config epoch>
 *   <link state> [<slot>|<start>-<end>|[<slot>->-<id>]|[<slot>-<-<id>]] ...
 * IPv6 addresses hold colons themselves, so the port is what follows the last one; the address is empty while a node does
 * not know its own, and for `noaddr` entries. A line that does not fit is an error: acting on half a table would be worse.
 */

import { SLOT_COUNT } from "@kvcluster/protocol/slots";
import { parseRange, type SlotRange } from "./slot-range.ts";

const NODE_FLAGS = ["myself", "master", "slave", "fail?", "fail", "handshake", "noaddr", "nofailover"] as const;
export type NodeFlag = (typeof NODE_FLAGS)[number];

export interface OpenSlot {
  readonly slot: number;
  readonly direction: "migrating" | "importing";
  readonly nodeId: string;
}

export interface NodeEntry {
  readonly id: string;
  readonly ip: string;
  readonly port: number;
  readonly busPort: number;
  readonly hostname: string | undefined;
  readonly flags: ReadonlySet<NodeFlag>;
  readonly primaryId: string | undefined;
  readonly configEpoch: number;
  readonly isLinkConnected: boolean;
  readonly slots: readonly SlotRange[];
  readonly openSlots: readonly OpenSlot[];
}

const FIXED_FIELDS = 8;

export function parseClusterNodes(text: string): readonly NodeEntry[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map(parseLine);
}

function parseLine(line: string): NodeEntry {
  const fields = line.split(" ");
  if (fields.length < FIXED_FIELDS) throw malformed(line, "too few fields");
  const [id, address, flags, primary, , , epoch, link] = fields as [string, string, string, string, ...string[]];
  const configEpoch = Number(epoch);
  if (!Number.isSafeInteger(configEpoch)) throw malformed(line, `config epoch "${epoch}"`);
  const { ranges, openSlots } = parseSlots(fields.slice(FIXED_FIELDS), line);
  return {
    id,
    ...parseAddress(address, line),
    flags: parseFlags(flags),
    primaryId: primary === "-" ? undefined : primary,
    configEpoch,
    isLinkConnected: link === "connected",
    slots: ranges,
    openSlots,
  };
}

function parseAddress(text: string, line: string): Pick<NodeEntry, "ip" | "port" | "busPort" | "hostname"> {
  const [endpoint = "", hostname = ""] = text.split(",");
  const [host = "", busPort = "0"] = endpoint.split("@");
  const colon = host.lastIndexOf(":");
  const port = Number(host.slice(colon + 1));
  if (colon < 0 || !Number.isInteger(port)) throw malformed(line, `address "${text}"`);
  const isAuxiliary = hostname.includes("=");
  return {
    ip: host.slice(0, colon),
    port,
    busPort: Number(busPort),
    hostname: hostname === "" || isAuxiliary ? undefined : hostname,
  };
}

/** Flags this version does not know (and `noflags`) say nothing the plan would act on. */
function parseFlags(text: string): ReadonlySet<NodeFlag> {
  const words = new Set(text.split(","));
  return new Set(NODE_FLAGS.filter((flag) => words.has(flag)));
}

function parseSlots(words: readonly string[], line: string): { ranges: SlotRange[]; openSlots: OpenSlot[] } {
  const ranges: SlotRange[] = [];
  const openSlots: OpenSlot[] = [];
  for (const word of words) {
    if (word.startsWith("[")) {
      openSlots.push(parseOpenSlot(word, line));
      continue;
    }
    const range = parseRange(word);
    const isValid = Number.isInteger(range.start) && range.start >= 0 && range.start <= range.end;
    if (!isValid || !Number.isInteger(range.end) || range.end >= SLOT_COUNT) throw malformed(line, `slots "${word}"`);
    ranges.push(range);
  }
  return { ranges, openSlots };
}

function parseOpenSlot(word: string, line: string): OpenSlot {
  const match = /^\[(\d+)-([<>])-([^\]]+)\]$/.exec(word);
  if (match === null) throw malformed(line, `open slot "${word}"`);
  const [, slot = "", arrow, nodeId = ""] = match;
  return { slot: Number(slot), direction: arrow === ">" ? "migrating" : "importing", nodeId };
}

function malformed(line: string, what: string): Error {
  return new Error(`Failed to read CLUSTER NODES: ${what} in line "${line.slice(0, 200)}"`);
}
