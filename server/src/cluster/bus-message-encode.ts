/**
 * Encodes bus messages to bytes. Total for every message the type allows: texts longer than their field are the
 * caller's mistake and are cut, integers are expected in range. Layout: bus-message.ts.
 */

import {
  type BusBody,
  type BusMessage,
  EXTENSION,
  EXTENSION_HEADER,
  EXTERNAL_PORT_LENGTH,
  GOSSIP,
  GOSSIP_LENGTH,
  type GossipEntry,
  HEADER,
  IP_LENGTH,
  MESSAGE_TYPE,
  NODE_ID_LENGTH,
  type PingExtension,
  PROTOCOL_VERSION,
  SIGNATURE,
  SLOT_BYTES,
} from "./bus-message.ts";

const TWO_32 = 0x100000000;

export function encodeBusMessage({ header, body }: BusMessage): Buffer {
  const bytes = Buffer.alloc(HEADER.length + bodyLength(body));
  bytes.writeUInt32BE(SIGNATURE, HEADER.signature);
  bytes.writeUInt32BE(bytes.length, HEADER.totalLength);
  bytes.writeUInt16BE(PROTOCOL_VERSION, HEADER.version);
  bytes.writeUInt16BE(header.port, HEADER.port);
  bytes.writeUInt16BE(body.type === "ignored" ? body.code : MESSAGE_TYPE[body.type], HEADER.type);
  writeUInt64(bytes, header.currentEpoch, HEADER.currentEpoch);
  writeUInt64(bytes, header.configEpoch, HEADER.configEpoch);
  writeUInt64(bytes, header.offset, HEADER.offset);
  bytes.write(header.sender, HEADER.sender, NODE_ID_LENGTH, "latin1");
  bytes.set(header.slots, HEADER.slots);
  bytes.write(header.primaryId, HEADER.primary, NODE_ID_LENGTH, "latin1");
  bytes.write(header.ip, HEADER.ip, IP_LENGTH - 1, "latin1");
  bytes.writeUInt16BE(header.plainPort, HEADER.plainPort);
  bytes.writeUInt16BE(header.busPort, HEADER.busPort);
  bytes.writeUInt16BE(header.flags, HEADER.flags);
  bytes[HEADER.state] = header.isClusterDown ? 1 : 0;
  bytes[HEADER.messageFlags] = header.messageFlags;
  writeBody(bytes, body);
  return bytes;
}

function bodyLength(body: BusBody): number {
  switch (body.type) {
    case "ping":
    case "pong":
    case "meet":
      return body.gossip.length * GOSSIP_LENGTH + body.extensions.reduce((sum, item) => sum + extensionLength(item), 0);
    case "fail":
      return NODE_ID_LENGTH;
    case "publish":
    case "publishShard":
      return 8 + body.channel.length + body.message.length;
    case "update":
      return 8 + NODE_ID_LENGTH + SLOT_BYTES;
    case "authRequest":
    case "authAck":
    case "manualFailoverStart":
    case "ignored":
      return 0;
  }
}

function writeBody(bytes: Buffer, body: BusBody): void {
  const at = HEADER.length;
  switch (body.type) {
    case "ping":
    case "pong":
    case "meet":
      writePing(bytes, body.gossip, body.extensions);
      return;
    case "fail":
      bytes.write(body.nodeId, at, NODE_ID_LENGTH, "latin1");
      return;
    case "publish":
    case "publishShard":
      bytes.writeUInt16BE(1, HEADER.count);
      bytes.writeUInt32BE(body.channel.length, at);
      bytes.writeUInt32BE(body.message.length, at + 4);
      body.channel.copy(bytes, at + 8);
      body.message.copy(bytes, at + 8 + body.channel.length);
      return;
    case "update":
      writeUInt64(bytes, body.configEpoch, at);
      bytes.write(body.nodeId, at + 8, NODE_ID_LENGTH, "latin1");
      bytes.set(body.slots, at + 8 + NODE_ID_LENGTH);
      return;
    case "authRequest":
    case "authAck":
    case "manualFailoverStart":
    case "ignored":
      return;
  }
}

function writePing(bytes: Buffer, gossip: readonly GossipEntry[], extensions: readonly PingExtension[]): void {
  bytes.writeUInt16BE(gossip.length, HEADER.count);
  bytes.writeUInt16BE(extensions.length, HEADER.extensionCount);
  let at: number = HEADER.length;
  for (const entry of gossip) {
    bytes.write(entry.id, at + GOSSIP.id, NODE_ID_LENGTH, "latin1");
    bytes.writeUInt32BE(entry.pingSentSeconds, at + GOSSIP.pingSent);
    bytes.writeUInt32BE(entry.pongReceivedSeconds, at + GOSSIP.pongReceived);
    bytes.write(entry.ip, at + GOSSIP.ip, IP_LENGTH - 1, "latin1");
    bytes.writeUInt16BE(entry.port, at + GOSSIP.port);
    bytes.writeUInt16BE(entry.plainPort, at + GOSSIP.plainPort);
    bytes.writeUInt16BE(entry.busPort, at + GOSSIP.busPort);
    bytes.writeUInt16BE(entry.flags, at + GOSSIP.flags);
    at += GOSSIP_LENGTH;
  }
  for (const extension of extensions) at = writeExtension(bytes, at, extension);
}

/** Extensions are padded to 8 bytes; texts end in at least one zero byte. */
function extensionLength(extension: PingExtension): number {
  switch (extension.type) {
    case "hostname":
      return EXTENSION_HEADER + padded(extension.hostname.length + 1);
    case "nodeName":
      return EXTENSION_HEADER + padded(extension.name.length + 1);
    case "forgottenNode":
      return EXTENSION_HEADER + NODE_ID_LENGTH + 8;
    case "shardId":
      return EXTENSION_HEADER + NODE_ID_LENGTH;
    case "external":
      return EXTENSION_HEADER + padded(EXTERNAL_PORT_LENGTH + extension.host.length + 1);
    case "unknown":
      return EXTENSION_HEADER;
  }
}

function writeExtension(bytes: Buffer, at: number, extension: PingExtension): number {
  const length = extensionLength(extension);
  const body = at + EXTENSION_HEADER;
  bytes.writeUInt32BE(length, at);
  bytes.writeUInt16BE(extension.type === "unknown" ? extension.code : EXTENSION[extension.type], at + 4);
  switch (extension.type) {
    case "hostname":
      bytes.write(extension.hostname, body, "latin1");
      break;
    case "nodeName":
      bytes.write(extension.name, body, "latin1");
      break;
    case "forgottenNode":
      bytes.write(extension.nodeId, body, NODE_ID_LENGTH, "latin1");
      writeUInt64(bytes, extension.ttlSeconds, body + NODE_ID_LENGTH);
      break;
    case "shardId":
      bytes.write(extension.shardId, body, NODE_ID_LENGTH, "latin1");
      break;
    case "external":
      bytes.writeUInt16BE(extension.port, body);
      bytes.write(extension.host, body + EXTERNAL_PORT_LENGTH, "latin1");
      break;
    case "unknown":
      break;
  }
  return at + length;
}

function padded(length: number): number {
  return (length + 7) & ~7;
}

function writeUInt64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / TWO_32), at);
  bytes.writeUInt32BE(value % TWO_32, at + 4);
}
