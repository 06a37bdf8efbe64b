import { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import { expect, test } from "vitest";
import { type ReplyOwner, ReplyQueue } from "./reply-queue.ts";
import { ROW, type SocketBatch } from "./socket-batch.ts";

/** A connection that notes what it was given, and in which order among others. */
function owner(name: string, log: string[], isGone = true, descriptor = -1): ReplyOwner & { held: Buffer[] } {
  const held: Buffer[] = [];
  return {
    held,
    directDescriptor: descriptor,
    flush: 0,
    writeReplies(bytes) {
      log.push(`${name}:${bytes.toString()}`);
      held.push(bytes);
      return isGone;
    },
  };
}

interface SetUp {
  readonly reply: ReplyWriter;
  readonly queue: ReplyQueue;
  readonly traffic: { outputBytes: number; writes: number };
  readonly endTurn: () => void;
}

function setUp(batch?: Pick<SocketBatch, "send">, beforeFlush = (): void => undefined): SetUp {
  const reply = new ReplyWriter();
  const traffic = { outputBytes: 0, writes: 0 };
  let flush: (() => void) | undefined;
  const schedule = (run: () => void): void => {
    flush = run;
  };
  const queue = new ReplyQueue({ reply, schedule, batch, traffic, beforeFlush });
  return {
    reply,
    queue,
    traffic,
    endTurn: () => {
      const run = flush;
      flush = undefined;
      run?.();
    },
  };
}

test("replies of a turn leave at its end, each to its owner, in order", () => {
  const { reply, queue, endTurn } = setUp();
  const log: string[] = [];
  for (const name of ["a", "b", "a"]) {
    reply.status(name);
    queue.add(owner(name, log));
  }
  queue.add(owner("silent", log));
  expect(log).toEqual([]);
  endTurn();
  expect(log).toEqual(["a:+a\r\n", "b:+b\r\n", "a:+a\r\n"]);
  expect(reply.position).toBe(0);
  endTurn();
  expect(log.length).toBe(3);
});

test("what replies have to wait for is settled once, before the first of them leaves", () => {
  const log: string[] = [];
  const { reply, queue, endTurn } = setUp(undefined, () => log.push("settled"));
  for (const name of ["a", "b"]) {
    reply.status(name);
    queue.add(owner(name, log));
  }
  endTurn();
  expect(log).toEqual(["settled", "a:+a\r\n", "b:+b\r\n"]);
});

test("a flush in the middle of a command leaves what the command has written", () => {
  const { reply, queue, endTurn } = setUp();
  const log: string[] = [];
  reply.status("first");
  queue.add(owner("a", log));
  reply.array(2);
  reply.integer(1);
  queue.flush();
  expect(log).toEqual(["a:+first\r\n"]);
  reply.integer(2);
  queue.add(owner("b", log));
  endTurn();
  expect(log[1]).toBe("b:*2\r\n:1\r\n:2\r\n");
  expect(reply.position).toBe(0);
});

test("memory that a socket still holds is not written to again", () => {
  const { reply, queue, endTurn } = setUp();
  const log: string[] = [];
  const slow = owner("slow", log, false);
  reply.status("kept");
  queue.add(slow);
  reply.status("more");
  queue.flush();
  queue.add(owner("b", log));
  endTurn();
  reply.status("xxxx");
  queue.add(owner("c", log));
  endTurn();
  expect(slow.held[0]?.toString()).toBe("+kept\r\n");
  expect(log).toEqual(["slow:+kept\r\n", "b:+more\r\n", "c:+xxxx\r\n"]);
});

test("more connections than there was room for are served in one turn", () => {
  const { reply, queue, endTurn } = setUp();
  const log: string[] = [];
  for (let i = 0; i < 1000; i++) {
    reply.integer(i);
    queue.add(owner(String(i), log));
  }
  endTurn();
  expect(log.length).toBe(1000);
  expect(log[999]).toBe("999::999\r\n");
});

test("an urgent reply leaves at once, but not before those that wait already", () => {
  const { reply, queue, endTurn } = setUp();
  const log: string[] = [];
  reply.status("now");
  queue.addUrgent(owner("a", log));
  expect(log).toEqual(["a:+now\r\n"]);
  expect(reply.position).toBe(0);
  reply.status("waits");
  queue.add(owner("b", log));
  reply.status("behind");
  queue.addUrgent(owner("c", log));
  expect(log.length).toBe(1);
  endTurn();
  expect(log.slice(1)).toEqual(["b:+waits\r\n", "c:+behind\r\n"]);
});

/** A kernel that takes so many bytes from each, and notes what it got. */
function kernel(taken: number, log: string[]): Pick<SocketBatch, "send"> {
  return {
    send(buffer, rows, count) {
      log.push(`call of ${count}`);
      for (let row = 0; row < count * ROW; row += ROW) {
        const [descriptor, start, end] = rows.subarray(row, row + ROW) as unknown as [number, number, number];
        const sent = descriptor < 0 ? 0 : Math.min(taken, end - start);
        if (sent > 0) log.push(`${descriptor}:${buffer.toString("latin1", start, start + sent)}`);
        rows[row] = sent;
      }
    },
  };
}

test("a batch sends the replies of all in one call", () => {
  const log: string[] = [];
  const { reply, queue, traffic, endTurn } = setUp(kernel(1000, log));
  for (const [i, name] of ["a", "b", "c"].entries()) {
    reply.status(name);
    queue.addUrgent(owner(name, log, true, 10 + i));
  }
  expect(log).toEqual([]);
  endTurn();
  expect(log).toEqual(["call of 3", "10:+a\r\n", "11:+b\r\n", "12:+c\r\n"]);
  expect(traffic.outputBytes).toBe(12);
  expect(reply.position).toBe(0);
});

test("what the kernel does not take, and who cannot be sent to directly, goes the socket's way", () => {
  const log: string[] = [];
  const { reply, queue, endTurn } = setUp(kernel(2, log));
  const slow = owner("slow", log, false, 10);
  reply.status("first");
  queue.add(slow);
  reply.status("second");
  queue.add(owner("apart", log));
  endTurn();
  expect(log).toEqual(["call of 2", "10:+f", "slow:irst\r\n", "apart:+second\r\n"]);
  reply.status("xxxxxxxx");
  queue.add(owner("c", log, true, 11));
  endTurn();
  expect(slow.held[0]?.toString()).toBe("irst\r\n");
});

test("who is there twice gets all of the first before the second", () => {
  const log: string[] = [];
  const { reply, queue, endTurn } = setUp(kernel(2, log));
  const twice = owner("twice", log, true, 10);
  for (const [text, whose] of [
    ["1", twice],
    ["2", owner("b", log, true, 11)],
    ["3", twice],
  ] as const) {
    reply.status(text);
    queue.add(whose);
  }
  endTurn();
  expect(log).toEqual(["twice:+1\r\n", "b:+2\r\n", "twice:+3\r\n"]);
});
