import { expect, test } from "vitest";
import { FakeClock } from "../platform/fake-clock.ts";
import type { ClientConnection } from "./client.ts";
import { Client, ClientFlag } from "./client.ts";
import { ClientPause } from "./client-pause.ts";
import { closeIdleClients } from "./idle-clients.ts";

function createClient(id: number): { client: Client; calls: string[] } {
  const calls: string[] = [];
  const connection: ClientConnection = {
    send: () => calls.push("send"),
    closeAfterFlush: () => calls.push("close"),
    destroy: () => calls.push("destroy"),
    pause: () => calls.push("pause"),
    resume: () => calls.push("resume"),
    isClosed: false,
    queryBytes: 0,
    outputBytes: 0,
    fileDescriptor: 1,
    takeOver: () => undefined,
  };
  return { client: new Client({ id, address: "a", localAddress: "b", connection, createdAtMs: 0 }), calls };
}

test("idle clients are closed, but no subscriber and no link of replication", () => {
  const idle = createClient(1);
  const subscriber = createClient(2);
  const busy = createClient(3);
  subscriber.client.set(ClientFlag.subscribed, true);
  busy.client.lastActiveMs = 95_000;
  const clients = [idle.client, subscriber.client, busy.client];
  closeIdleClients(clients, 0, 100_000);
  expect(idle.calls).toEqual([]);
  closeIdleClients(clients, 10, 100_000);
  expect([idle.calls, subscriber.calls, busy.calls]).toEqual([["destroy"], [], []]);
});

test("a pause holds all but replication links, ends by itself, and is never shortened", () => {
  const clock = new FakeClock();
  const ordinary = createClient(1);
  const replica = createClient(2);
  replica.client.set(ClientFlag.replica, true);
  const pause = new ClientPause(clock, () => [ordinary.client, replica.client]);
  pause.pause("client", 1000, "all");
  pause.pause("client", 10, "all");
  expect(replica.calls).toEqual([]);
  clock.advance(999);
  expect([pause.isPaused, ordinary.calls]).toEqual([true, ["pause", "pause"]]);
  clock.advance(1);
  expect(pause.isPaused).toBe(false);
  expect(ordinary.calls.at(-1)).toBe("resume");
});

test("a pause of writes leaves connections alone, and does not weaken one of everything", () => {
  const clock = new FakeClock();
  const ordinary = createClient(1);
  const pause = new ClientPause(clock, () => [ordinary.client]);
  pause.pause("client", 1000, "write");
  expect([pause.holdsWrites, ordinary.calls]).toEqual([true, []]);
  pause.pause("client", 1000, "all");
  pause.pause("client", 1000, "write");
  expect([pause.holdsWrites, pause.isPaused, ordinary.calls.at(-1)]).toEqual([false, true, "pause"]);
  pause.unpause("client");
  expect([pause.holdsWrites, ordinary.calls.at(-1)]).toEqual([false, "resume"]);
});

test("each purpose has a pause of its own: none ends another's, and the strictest holds", () => {
  const clock = new FakeClock();
  const ordinary = createClient(1);
  const pause = new ClientPause(clock, () => [ordinary.client]);
  pause.pause("failover", 5000, "write");
  pause.pause("client", 1000, "all");
  expect([pause.holdsWrites, pause.isPaused]).toEqual([false, true]);
  pause.unpause("client");
  expect([pause.holdsWrites, ordinary.calls.at(-1)]).toEqual([true, "resume"]);
  pause.pause("client", 1000, "all");
  clock.advance(1000);
  expect([pause.holdsWrites, ordinary.calls.at(-1)]).toEqual([true, "resume"]);
  pause.pause("client", 60_000, "write");
  pause.unpause("failover");
  expect(pause.holdsWrites).toBe(true);
  clock.advance(59_999);
  expect(pause.holdsWrites).toBe(true);
  clock.advance(1);
  expect(pause.isPaused).toBe(false);
});
