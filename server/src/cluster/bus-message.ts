/**
 * Messages of the Redis Cluster bus, protocol version 1: what each one holds, and the constants of its layout.
 *
 * A message is a fixed header of 2,256 bytes ("RCmb", all integers big endian) and a body by type. Encoding is in
 * bus-message-encode.ts, decoding with its length checks in bus-message-decode.ts; both are pure.
 */

export const SIGNATURE = 0x52436d62; // "RCmb"
export const PROTOCOL_VERSION = 1;
export const NODE_ID_LENGTH = 40;
export const SLOT_BYTES = 2048;
export const IP_LENGTH = 46;

/** Byte offsets in the header. */
export const HEADER = {
  signature: 0,
  totalLength: 4,
  version: 8,
  port: 10,
  type: 12,
  count: 14,
  currentEpoch: 16,
  configEpoch: 24,
  offset: 32,
  sender: 40,
  slots: 80,
  primary: 2128,
  ip: 2168,
  extensionCount: 2214,
  plainPort: 2246,
  busPort: 2248,
  flags: 2250,
  state: 2252,
  messageFlags: 2253,
  length: 2256,
} as const;

/** One gossip section: what the sender knows about a third node. */
export const GOSSIP_LENGTH = 104;
export const GOSSIP = {
  id: 0,
  pingSent: 40,
  pongReceived: 44,
  ip: 48,
  port: 94,
  busPort: 96,
  flags: 98,
  plainPort: 100,
} as const;

export const MESSAGE_TYPE = {
  ping: 0,
  pong: 1,
  meet: 2,
  fail: 3,
  publish: 4,
  authRequest: 5,
  authAck: 6,
  update: 7,
  manualFailoverStart: 8,
  module: 9,
  publishShard: 10,
} as const;

/** Flags of a message (first of three bytes; the others are zero). */
export const MESSAGE_FLAG = {
  /** The primary holds its writes back for a manual failover. */
  paused: 1,
  /** Vote even though the primary is up: manual failover. */
  forceAck: 2,
  /** The sender knows ping extensions; some may follow the gossip sections. */
  extensions: 4,
} as const;

/** In front of each extension: its length and its kind. */
export const EXTENSION_HEADER = 8;
/** In front of the host of an external address. */
export const EXTERNAL_PORT_LENGTH = 2;
/** `external` is ours: far from those that Redis and Valkey number on. */
export const EXTENSION = { hostname: 0, nodeName: 1, forgottenNode: 2, shardId: 3, external: 0x4b56 } as const;

export interface BusHeader {
  /** For clients; with an encrypted bus the one for TLS, and `plainPort` is the other, 0 if there is none. */
  readonly port: number;
  readonly plainPort: number;
  readonly busPort: number;
  readonly currentEpoch: number;
  readonly configEpoch: number;
  readonly offset: number;
  readonly sender: string;
  readonly slots: Uint8Array;
  /** Id of the sender's primary, empty for a primary. */
  readonly primaryId: string;
  /** Announced address; empty means: take the one the packet came from. */
  readonly ip: string;
  readonly flags: number;
  readonly isClusterDown: boolean;
  readonly messageFlags: number;
}

export interface GossipEntry {
  readonly id: string;
  readonly pingSentSeconds: number;
  readonly pongReceivedSeconds: number;
  readonly ip: string;
  readonly port: number;
  readonly plainPort: number;
  readonly busPort: number;
  readonly flags: number;
}

export type PingExtension =
  | { readonly type: "hostname"; readonly hostname: string }
  | { readonly type: "nodeName"; readonly name: string }
  | { readonly type: "forgottenNode"; readonly nodeId: string; readonly ttlSeconds: number }
  | { readonly type: "shardId"; readonly shardId: string }
  | { readonly type: "external"; readonly host: string; readonly port: number }
  | { readonly type: "unknown"; readonly code: number };

export type BusBody =
  | {
      readonly type: "ping" | "pong" | "meet";
      readonly gossip: readonly GossipEntry[];
      readonly extensions: readonly PingExtension[];
    }
  | { readonly type: "fail"; readonly nodeId: string }
  | { readonly type: "publish" | "publishShard"; readonly channel: Buffer; readonly message: Buffer }
  | { readonly type: "update"; readonly nodeId: string; readonly configEpoch: number; readonly slots: Uint8Array }
  | { readonly type: "authRequest" | "authAck" | "manualFailoverStart" }
  /** A type this version does not know, or a module's: counted as a sign of life, otherwise ignored. */
  | { readonly type: "ignored"; readonly code: number };

export interface BusMessage {
  readonly header: BusHeader;
  readonly body: BusBody;
}

export function isNodeId(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}
