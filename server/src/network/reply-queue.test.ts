import { ReplyWriter } from "@kvcluster/protocol/reply-writer";
import { expect, test } from "vitest";
import { type ReplyOwner, ReplyQueue } from "./reply-queue.ts";

/** A connection that notes what it was given, and in which order among others. */
function owner(name: string, log: string[], isGone = true): ReplyOwner & { held: Buffer[] } {
  const held: Buffer[] = [];
  return {
    held,
    writeReplies(bytes) {
      log.push(`${name}:${bytes.toString()}`);
      held.push(bytes);
      return isGone;
    },
  };
}

function setUp(): { reply: ReplyWriter; queue: ReplyQueue; endTurn: () => void } {
  const reply = new ReplyWriter();
  let flush: (() => void) | undefined;
  const queue = new ReplyQueue(reply, (run) => {
    flush = run;
  });
  return {
    reply,
    queue,
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
