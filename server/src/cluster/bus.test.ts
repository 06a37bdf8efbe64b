/** The bus over real sockets: whole messages whatever the pieces, strangers that talk nonsense, peers that do not read. */

import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Bus, FrameReader, plainTransport } from "./bus.ts";
import type { BusMessage } from "./bus-message.ts";
import { encodeBusMessage } from "./bus-message-encode.ts";
import { emptySlots } from "./slot-bitmap.ts";

const MESSAGE: BusMessage = {
  header: {
    port: 6379,
    plainPort: 0,
    busPort: 16379,
    currentEpoch: 1,
    configEpoch: 1,
    offset: 0,
    sender: "a".repeat(40),
    slots: emptySlots(),
    primaryId: "",
    ip: "",
    flags: 1,
    isClusterDown: false,
    messageFlags: 0,
  },
  body: { type: "publish", channel: Buffer.from("c"), message: Buffer.from("m") },
};
const BYTES = encodeBusMessage(MESSAGE);

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Listening {
  readonly bus: Bus;
  readonly port: number;
  readonly events: string[];
  readonly packets: Buffer[];
  /** Resolves when the events contain the given one. */
  seen(event: string): Promise<void>;
}

async function listen(sendBufferLimit = 0): Promise<Listening> {
  const events: string[] = [];
  const packets: Buffer[] = [];
  const waiting: (() => void)[] = [];
  let nextLink = 1;
  const note = (event: string) => {
    events.push(event);
    for (const wake of waiting.splice(0)) wake();
  };
  const hosts = [
    { host: "127.0.0.1", isOptional: false },
    { host: "203.0.113.1", isOptional: true },
  ];
  const bus = new Bus(
    { hosts, port: 0, sendBufferLimit: () => sendBufferLimit, transport: plainTransport },
    {
      accepted: (remoteIp, localIp) => {
        note(`accepted ${remoteIp} ${localIp}`);
        return nextLink++;
      },
      opened: (link) => note(`opened ${link}`),
      closed: (link) => note(`closed ${link}`),
      packet: (link, bytes) => {
        packets.push(bytes);
        note(`packet ${link}`);
      },
      garbage: (link, reason) => {
        note(`garbage ${link} ${reason}`);
        bus.close(link);
      },
    },
  );
  const port = await bus.listen();
  cleanups.push(() => bus.stop());
  const seen = async (event: string) => {
    while (!events.includes(event)) await new Promise<void>((wake) => waiting.push(wake));
  };
  return { bus, port, events, packets, seen };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  cleanups.push(() => socket.destroy());
  await new Promise<void>((done) => socket.once("connect", () => done()));
  return socket;
}

describe("bus", () => {
  it("listens where it can when an optional address is missing", async () => {
    const { port } = await listen();
    expect(port).toBeGreaterThan(0);
  });

  it("hands up whole messages with the addresses of both ends", async () => {
    const { port, events, packets, seen } = await listen();
    const socket = await dial(port);
    socket.write(BYTES);
    await seen("packet 1");
    expect(events[0]).toBe("accepted 127.0.0.1 127.0.0.1");
    expect(packets[0]?.equals(BYTES)).toBe(true);
  });

  it("closes a connection that does not speak the protocol, and no other", async () => {
    const { port, seen, packets } = await listen();
    const good = await dial(port);
    const bad = await dial(port);
    bad.write("GET / HTTP/1.1\r\n\r\n");
    await new Promise<void>((done) => bad.once("close", () => done()));
    await seen("garbage 2 bad signature");
    good.write(BYTES);
    await seen("packet 1");
    expect(packets).toHaveLength(1);
  });

  it("tells of outgoing connections that open, close, and never come about", async () => {
    const { bus, port, seen, events } = await listen();
    bus.connect(50, "127.0.0.1", port);
    await seen("opened 50");
    bus.send(50, BYTES);
    await seen("packet 1");
    bus.close(1);
    await seen("closed 50");
    bus.connect(51, "127.0.0.1", 1);
    await seen("closed 51");
    expect(events).not.toContain("closed 1");
  });

  it("disconnects a peer that leaves too much unread", async () => {
    const { bus, port, seen } = await listen(8 * 1024 * 1024);
    const socket = await dial(port);
    socket.pause();
    await seen("accepted 127.0.0.1 127.0.0.1");
    const large = Buffer.alloc(1024 * 1024);
    for (let i = 0; i < 64 && bus.limitExceeded === 0; i++) bus.send(1, large);
    await seen("closed 1");
    expect(bus.limitExceeded).toBe(1);
  });
});

describe("frame reader", () => {
  it.each([1, 7, 8, 9, 1000, 2265, 5000])("finds the same messages in pieces of %i bytes", (size) => {
    const stream = Buffer.concat([BYTES, BYTES, BYTES]);
    const reader = new FrameReader();
    const found: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size) {
      reader.push(stream.subarray(at, at + size));
      for (let frame = reader.next(); frame !== undefined && "bytes" in frame; frame = reader.next())
        found.push(frame.bytes);
    }
    expect(found.map((frame) => frame.equals(BYTES))).toEqual([true, true, true]);
  });

  it("refuses a length beyond the limit before the bytes come", () => {
    const reader = new FrameReader();
    const start = Buffer.from(BYTES.subarray(0, 8));
    start.writeUInt32BE(0xffffffff, 4);
    reader.push(start);
    expect(reader.next()).toEqual({ error: "bad message length 4294967295" });
  });
});
