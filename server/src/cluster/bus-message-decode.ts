/**
 * Decodes bus messages, and cuts a byte stream into them. Nothing here throws: a message whose lengths do not add up,
 * whose ids are not ids or whose numbers are out of range comes back as an error text, and the caller drops the link.
 * Unknown message and extension types are not errors; newer nodes may send them.
 */

import {
  type BusBody,
  type BusHeader,
  type BusMessage,
  EXTENSION,
  EXTENSION_HEADER,
  EXTERNAL_PORT_LENGTH,
  GOSSIP,
  GOSSIP_LENGTH,
  type GossipEntry,
  HEADER,
  IP_LENGTH,
  isNodeId,
  MESSAGE_FLAG,
  MESSAGE_TYPE,
  NODE_ID_LENGTH,
  type PingExtension,
  PROTOCOL_VERSION,
  SIGNATURE,
  SLOT_BYTES,
} from "./bus-message.ts";

export type Decoded = { readonly message: BusMessage } | { readonly error: string };

/** A message longer than this closes the link. Only a PUBLISH can be large; gossip of 10,000 nodes is 1 MB. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024 + 4096;
const FRAME_PREFIX = 8;
const TWO_32 = 0x100000000;
const EMPTY_ID = "\0".repeat(NODE_ID_LENGTH);

class Malformed extends Error {}

/** Length of the message that starts at `at`: 0 while its first 8 bytes are not there, or an error. */
export function frameLength(bytes: Buffer, at: number): number | { readonly error: string } {
  if (bytes.length - at < FRAME_PREFIX) return 0;
  if (bytes.readUInt32BE(at) !== SIGNATURE) return { error: "bad signature" };
  const length = bytes.readUInt32BE(at + HEADER.totalLength);
  if (length < HEADER.length || length > MAX_MESSAGE_BYTES) return { error: `bad message length ${length}` };
  return length;
}

/** Of a whole message (frameLength); one of MESSAGE_TYPE, if the type is known. */
export function messageTypeOf(bytes: Buffer): number {
  return bytes.readUInt16BE(HEADER.type);
}

/** Decodes exactly one message. The result refers to `bytes`; do not reuse them. */
export function decodeBusMessage(bytes: Buffer): Decoded {
  try {
    return { message: decode(bytes) };
  } catch (error) {
    if (error instanceof Malformed) return { error: error.message };
    throw error;
  }
}

function decode(bytes: Buffer): BusMessage {
  check(frameLength(bytes, 0) === bytes.length, "length field and size differ");
  check(bytes.readUInt16BE(HEADER.version) === PROTOCOL_VERSION, "unsupported protocol version");
  const header = decodeHeader(bytes);
  return { header, body: decodeBody(bytes, header.messageFlags) };
}

function decodeHeader(bytes: Buffer): BusHeader {
  return {
    port: bytes.readUInt16BE(HEADER.port),
    plainPort: bytes.readUInt16BE(HEADER.plainPort),
    busPort: bytes.readUInt16BE(HEADER.busPort),
    currentEpoch: readUInt64(bytes, HEADER.currentEpoch),
    configEpoch: readUInt64(bytes, HEADER.configEpoch),
    offset: readUInt64(bytes, HEADER.offset),
    sender: readId(bytes, HEADER.sender),
    slots: bytes.subarray(HEADER.slots, HEADER.slots + SLOT_BYTES),
    primaryId: readOptionalId(bytes, HEADER.primary),
    ip: readText(bytes, HEADER.ip, IP_LENGTH),
    flags: bytes.readUInt16BE(HEADER.flags),
    isClusterDown: bytes[HEADER.state] !== 0,
    messageFlags: bytes[HEADER.messageFlags] as number,
  };
}

function decodeBody(bytes: Buffer, messageFlags: number): BusBody {
  const code = messageTypeOf(bytes);
  const length = bytes.length - HEADER.length;
  switch (code) {
    case MESSAGE_TYPE.ping:
      return { type: "ping", ...decodePing(bytes, messageFlags) };
    case MESSAGE_TYPE.pong:
      return { type: "pong", ...decodePing(bytes, messageFlags) };
    case MESSAGE_TYPE.meet:
      return { type: "meet", ...decodePing(bytes, messageFlags) };
    case MESSAGE_TYPE.fail:
      check(length === NODE_ID_LENGTH, "FAIL of the wrong length");
      return { type: "fail", nodeId: readId(bytes, HEADER.length) };
    case MESSAGE_TYPE.publish:
      return { type: "publish", ...decodePublish(bytes, length) };
    case MESSAGE_TYPE.publishShard:
      return { type: "publishShard", ...decodePublish(bytes, length) };
    case MESSAGE_TYPE.update:
      return decodeUpdate(bytes, length);
    case MESSAGE_TYPE.authRequest:
    case MESSAGE_TYPE.authAck:
    case MESSAGE_TYPE.manualFailoverStart:
      check(length === 0, "message without body has one");
      return { type: code === 5 ? "authRequest" : code === 6 ? "authAck" : "manualFailoverStart" };
    default:
      return { type: "ignored", code };
  }
}

function decodePing(bytes: Buffer, messageFlags: number): { gossip: GossipEntry[]; extensions: PingExtension[] } {
  const count = bytes.readUInt16BE(HEADER.count);
  let at = HEADER.length + count * GOSSIP_LENGTH;
  check(at <= bytes.length, "gossip sections are cut off");
  const gossip: GossipEntry[] = [];
  for (let i = 0; i < count; i++) gossip.push(decodeGossip(bytes, HEADER.length + i * GOSSIP_LENGTH));
  const extensions: PingExtension[] = [];
  const extensionCount = (messageFlags & MESSAGE_FLAG.extensions) !== 0 ? bytes.readUInt16BE(HEADER.extensionCount) : 0;
  for (let i = 0; i < extensionCount; i++) {
    check(at + EXTENSION_HEADER <= bytes.length, "extension is cut off");
    const length = bytes.readUInt32BE(at);
    check(length >= EXTENSION_HEADER && length % 8 === 0 && at + length <= bytes.length, "extension of a bad length");
    extensions.push(decodeExtension(bytes, at, length));
    at += length;
  }
  check(at === bytes.length, "bytes after the last section");
  return { gossip, extensions };
}

function decodeGossip(bytes: Buffer, at: number): GossipEntry {
  return {
    id: readId(bytes, at + GOSSIP.id),
    pingSentSeconds: bytes.readUInt32BE(at + GOSSIP.pingSent),
    pongReceivedSeconds: bytes.readUInt32BE(at + GOSSIP.pongReceived),
    ip: readText(bytes, at + GOSSIP.ip, IP_LENGTH),
    port: bytes.readUInt16BE(at + GOSSIP.port),
    plainPort: bytes.readUInt16BE(at + GOSSIP.plainPort),
    busPort: bytes.readUInt16BE(at + GOSSIP.busPort),
    flags: bytes.readUInt16BE(at + GOSSIP.flags),
  };
}

function decodeExtension(bytes: Buffer, at: number, length: number): PingExtension {
  const code = bytes.readUInt16BE(at + 4);
  const body = at + EXTENSION_HEADER;
  const bodyLength = length - EXTENSION_HEADER;
  switch (code) {
    case EXTENSION.hostname:
      return { type: "hostname", hostname: readText(bytes, body, bodyLength) };
    case EXTENSION.nodeName:
      return { type: "nodeName", name: readName(bytes, body, bodyLength) };
    case EXTENSION.forgottenNode:
      check(bodyLength === NODE_ID_LENGTH + 8, "forgotten node extension of a bad length");
      return {
        type: "forgottenNode",
        nodeId: readId(bytes, body),
        ttlSeconds: readUInt64(bytes, body + NODE_ID_LENGTH),
      };
    case EXTENSION.shardId:
      check(bodyLength === NODE_ID_LENGTH, "shard id extension of a bad length");
      return { type: "shardId", shardId: readId(bytes, body) };
    case EXTENSION.external:
      check(bodyLength > EXTERNAL_PORT_LENGTH, "external address extension of a bad length");
      return {
        type: "external",
        port: bytes.readUInt16BE(body),
        host: readText(bytes, body + EXTERNAL_PORT_LENGTH, bodyLength - EXTERNAL_PORT_LENGTH),
      };
    default:
      return { type: "unknown", code };
  }
}

function decodePublish(bytes: Buffer, length: number): { channel: Buffer; message: Buffer } {
  check(length >= 8, "PUBLISH is cut off");
  const channelLength = bytes.readUInt32BE(HEADER.length);
  const messageLength = bytes.readUInt32BE(HEADER.length + 4);
  check(8 + channelLength + messageLength === length, "PUBLISH of the wrong length");
  const at = HEADER.length + 8;
  return { channel: bytes.subarray(at, at + channelLength), message: bytes.subarray(at + channelLength) };
}

function decodeUpdate(bytes: Buffer, length: number): BusBody {
  check(length === 8 + NODE_ID_LENGTH + SLOT_BYTES, "UPDATE of the wrong length");
  const at = HEADER.length;
  return {
    type: "update",
    configEpoch: readUInt64(bytes, at),
    nodeId: readId(bytes, at + 8),
    slots: bytes.subarray(at + 8 + NODE_ID_LENGTH),
  };
}

function readId(bytes: Buffer, at: number): string {
  const id = bytes.toString("latin1", at, at + NODE_ID_LENGTH);
  check(isNodeId(id), "node id is not 40 hexadecimal digits");
  return id;
}

function readOptionalId(bytes: Buffer, at: number): string {
  const id = bytes.toString("latin1", at, at + NODE_ID_LENGTH);
  if (id === EMPTY_ID) return "";
  check(isNodeId(id), "primary id is not 40 hexadecimal digits");
  return id;
}

/** Redis lets people use nearly all characters; a name with one that would corrupt nodes.conf is taken as none. */
function readName(bytes: Buffer, at: number, length: number): string {
  const name = readBytes(bytes, at, length);
  return /^[\x21-\x7e]*$/.test(name) && !/[,=]/.test(name) ? name : "";
}

/** Text up to the first zero byte. */
function readBytes(bytes: Buffer, at: number, length: number): string {
  const zero = bytes.indexOf(0, at);
  const end = zero === -1 || zero > at + length ? at + length : zero;
  return bytes.toString("latin1", at, end);
}

/** Spaces, commas and the like would corrupt nodes.conf, so they are refused. */
function readText(bytes: Buffer, at: number, length: number): string {
  const text = readBytes(bytes, at, length);
  check(/^[A-Za-z0-9.:_%-]*$/.test(text), "address or name has characters it must not have");
  return text;
}

function readUInt64(bytes: Buffer, at: number): number {
  const value = bytes.readUInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4);
  check(value <= Number.MAX_SAFE_INTEGER, "number out of range");
  return value;
}

function check(condition: boolean, reason: string): asserts condition {
  if (!condition) throw new Malformed(reason);
}
