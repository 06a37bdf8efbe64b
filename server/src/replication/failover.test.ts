import { expect, test } from "vitest";
import type { Logger } from "../observability/logger.ts";
import { FakeClock } from "../platform/fake-clock.ts";
import { Failover } from "./failover.ts";
import type { ReplicaSession } from "./replica-session.ts";

function scene() {
  const clock = new FakeClock();
  const lines: string[] = [];
  const write = (text: string) => void lines.push(text);
  const logger: Logger = { debug: write, verbose: write, notice: write, warning: write };
  const replica = { state: "online", acknowledgedOffset: 5 } as unknown as ReplicaSession;
  const calls: string[] = [];
  let answer: (hasTakenOver: boolean) => void = () => undefined;
  const failover = new Failover({
    ...{ clock, logger, sessions: () => [replica], offset: () => 7 },
    addressOf: () => ({ host: "127.0.0.1", port: 6380 }),
    requestAcknowledgements: () => undefined,
    pauseWrites: () => calls.push("pause"),
    unpause: () => calls.push("unpause"),
    demote: (host, port, ended) => {
      calls.push(`demote ${host}:${port}`);
      answer = ended;
    },
    promote: () => calls.push("promote"),
  });
  return { clock, lines, replica, calls, failover, answer: (hasTakenOver: boolean) => answer(hasTakenOver) };
}

test("hands over to a forced target when its time is over, though it lacks something", () => {
  const { clock, lines, replica, calls, failover, answer } = scene();
  failover.start({ target: replica, isForced: true, timeoutMs: 1000 });
  failover.tick();
  expect(calls).toEqual(["pause"]);
  clock.advance(1000);
  failover.tick();
  expect(lines.at(-1)).toBe("Failover to 127.0.0.1:6380 time out exceeded, failing over.");
  answer(true);
  expect(calls).toEqual(["pause", "demote 127.0.0.1:6380", "unpause"]);
});

test("is the primary again when the target refuses", () => {
  const { clock, lines, replica, calls, failover, answer } = scene();
  failover.start({ target: replica, isForced: true, timeoutMs: 1 });
  clock.advance(1);
  failover.tick();
  answer(false);
  expect(lines.at(-1)).toBe("Failover aborted: Failover target rejected psync request");
  expect(calls.slice(2)).toEqual(["promote", "unpause"]);
});

test("is given up when nobody has everything in time", () => {
  const { clock, lines, replica, calls, failover } = scene();
  failover.start({ target: replica, isForced: false, timeoutMs: 1 });
  clock.advance(1);
  failover.tick();
  expect(lines.at(-1)).toBe("Failover aborted: no replica had everything in time");
  expect(calls).toEqual(["pause", "unpause"]);
});
