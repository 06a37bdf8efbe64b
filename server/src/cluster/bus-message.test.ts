/** The codec against bytes of a real Redis node, against itself, and against damage. */

import { describe, expect, it } from "vitest";
import { createSeededRandom } from "../platform/random.ts";
import { type BusBody, type BusHeader, type BusMessage, HEADER, MESSAGE_FLAG } from "./bus-message.ts";
import { decodeBusMessage, frameLength } from "./bus-message-decode.ts";
import { encodeBusMessage } from "./bus-message-encode.ts";
import { emptySlots, setSlot } from "./slot-bitmap.ts";

const ID = "36af09e8bcb8cbb54292dbc303b1f8d9d38c4e23";
const OTHER = "0123456789abcdef0123456789abcdef01234567";

/** A MEET as redis-server 7.0.15 sent it (slots 0, 7 and 16383, announced hostname), zeros left out: offset → bytes. */
const REDIS_MEET: readonly (readonly [number, string])[] = [
  [0, "52436d62000008e800015a4700020000"],
  [40, Buffer.from(ID).toString("hex")],
  [80, "81"],
  [2127, "80"],
  [2214, "0001"],
  [2248, "815700110104"],
  [2256, "0000001800000000686f73742d612e6578616d706c650000"],
];

function redisMeet(): Buffer {
  const bytes = Buffer.alloc(2280);
  for (const [offset, hex] of REDIS_MEET) bytes.write(hex, offset, "hex");
  return bytes;
}

function header(changes: Partial<BusHeader> = {}): BusHeader {
  const slots = emptySlots();
  for (const slot of [0, 7, 16383]) setSlot(slots, slot);
  return {
    port: 6379,
    plainPort: 6380,
    busPort: 16379,
    currentEpoch: 2 ** 40 + 5,
    configEpoch: 3,
    offset: 2 ** 33 + 1,
    sender: ID,
    slots,
    primaryId: OTHER,
    ip: "10.1.2.3",
    flags: 17,
    isClusterDown: true,
    messageFlags: MESSAGE_FLAG.extensions,
    ...changes,
  };
}

const GOSSIP = {
  id: OTHER,
  pingSentSeconds: 7,
  pongReceivedSeconds: 8,
  ip: "fd00::1",
  port: 1,
  plainPort: 3,
  busPort: 2,
  flags: 9,
};

const BODIES: readonly BusBody[] = [
  { type: "ping", gossip: [], extensions: [] },
  { type: "meet", gossip: [GOSSIP], extensions: [] },
  {
    type: "pong",
    gossip: [GOSSIP, { ...GOSSIP, ip: "", flags: 3 }],
    extensions: [
      { type: "hostname", hostname: "a.b.example" },
      { type: "nodeName", name: "seven77" },
      { type: "external", host: "203.0.113.7", port: 30001 },
      { type: "forgottenNode", nodeId: OTHER, ttlSeconds: 60 },
      { type: "shardId", shardId: OTHER },
      { type: "unknown", code: 77 },
    ],
  },
  { type: "fail", nodeId: OTHER },
  { type: "publish", channel: Buffer.from("news"), message: Buffer.from([0, 255, 13, 10]) },
  { type: "publishShard", channel: Buffer.from(""), message: Buffer.from("") },
  { type: "update", nodeId: OTHER, configEpoch: 12, slots: header().slots },
  { type: "authRequest" },
  { type: "authAck" },
  { type: "manualFailoverStart" },
  { type: "ignored", code: 99 },
];

function decoded(bytes: Buffer): BusMessage {
  const result = decodeBusMessage(bytes);
  if ("error" in result) throw new Error(result.error);
  return result.message;
}

describe("bus messages", () => {
  it("reads a MEET of redis-server and writes the same bytes", () => {
    const message = decoded(redisMeet());
    expect(message.header).toMatchObject({ sender: ID, port: 23111, busPort: 33111, isClusterDown: true, ip: "" });
    expect(message.body).toEqual({
      type: "meet",
      gossip: [],
      extensions: [{ type: "hostname", hostname: "host-a.example" }],
    });
    expect(encodeBusMessage(message).equals(redisMeet())).toBe(true);
  });

  it("takes a name that nodes.conf could not hold as none", () => {
    for (const name of ["two words", "a,b", "a=b", "caf\u00e9"]) {
      const body: BusBody = { type: "ping", gossip: [], extensions: [{ type: "nodeName", name }] };
      const [extension] = (decoded(encodeBusMessage({ header: header(), body })).body as typeof body).extensions;
      expect(extension).toEqual({ type: "nodeName", name: "" });
    }
  });

  it.each(BODIES.map((body) => [body.type, body] as const))("carries %s there and back", (_, body) => {
    const message = { header: header(), body };
    const back = decoded(encodeBusMessage(message));
    expect(back.body).toEqual(normalise(body));
    expect({ ...back.header, slots: undefined }).toEqual({ ...message.header, slots: undefined });
    expect(Buffer.compare(back.header.slots, message.header.slots)).toBe(0);
  });

  it("ignores extensions of a sender that does not flag them", () => {
    const bytes = encodeBusMessage({
      header: header({ messageFlags: 0 }),
      body: { type: "ping", gossip: [], extensions: [] },
    });
    bytes.writeUInt16BE(3, HEADER.extensionCount);
    expect(decoded(bytes).body).toEqual({ type: "ping", gossip: [], extensions: [] });
  });

  it("names the length of a frame only once it is there, and refuses a wrong start", () => {
    expect(frameLength(redisMeet().subarray(0, 7), 0)).toBe(0);
    expect(frameLength(redisMeet().subarray(0, 8), 0)).toBe(2280);
    expect(frameLength(Buffer.from("GET / HTTP/1.1\r\n"), 0)).toEqual({ error: "bad signature" });
    const short = redisMeet();
    short.writeUInt32BE(100, HEADER.totalLength);
    expect(frameLength(short, 0)).toEqual({ error: "bad message length 100" });
  });

  it.each([
    [
      "a gossip count beyond the end",
      (bytes: Buffer) => bytes.writeUInt16BE(2, HEADER.count),
      "gossip sections are cut off",
    ],
    ["an extension beyond the end", (bytes: Buffer) => bytes.writeUInt32BE(32, 2256), "extension of a bad length"],
    ["an extension of odd length", (bytes: Buffer) => bytes.writeUInt32BE(17, 2256), "extension of a bad length"],
    ["too many extensions", (bytes: Buffer) => bytes.writeUInt16BE(2, HEADER.extensionCount), "extension is cut off"],
    [
      "too few extensions",
      (bytes: Buffer) => bytes.writeUInt16BE(0, HEADER.extensionCount),
      "bytes after the last section",
    ],
    [
      "a sender that is no id",
      (bytes: Buffer) => bytes.write("x", HEADER.sender),
      "node id is not 40 hexadecimal digits",
    ],
    ["an epoch out of range", (bytes: Buffer) => bytes.writeUInt8(255, HEADER.currentEpoch), "number out of range"],
    [
      "an address with a line break",
      (bytes: Buffer) => bytes.write("1\n2", HEADER.ip),
      "address or name has characters it must not have",
    ],
    [
      "another protocol version",
      (bytes: Buffer) => bytes.writeUInt16BE(2, HEADER.version),
      "unsupported protocol version",
    ],
  ])("refuses %s", (_, damage, error) => {
    const bytes = redisMeet();
    damage(bytes);
    expect(decodeBusMessage(bytes)).toEqual({ error });
  });

  it("never throws, whatever the bytes", () => {
    const seed = 4711;
    const random = createSeededRandom(seed);
    let refused = 0;
    for (let round = 0; round < 5000; round++) {
      const bytes = encodeBusMessage({ header: header(), body: BODIES[round % BODIES.length] as BusBody });
      for (let i = 0; i < 3; i++) bytes[8 + random.below(bytes.length - 8)] = random.below(256);
      if ("error" in decodeBusMessage(bytes.subarray(0, bytes.length - (round % 3)))) refused++;
    }
    expect(refused, `seed ${seed}`).toBeGreaterThan(3000);
  });
});

/** Decoded slots are Buffers, which compare equal to arrays only by their bytes. */
function normalise(body: BusBody): unknown {
  return body.type === "update" ? { ...body, slots: Buffer.from(body.slots) } : body;
}
