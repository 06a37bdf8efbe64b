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
    queryBytes: 0,
    outputBytes: 0,
    fileDescriptor: 1,
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
  pause.pause(1000, "all", undefined);
  pause.pause(10, "all", undefined);
  expect(replica.calls).toEqual([]);
  clock.advance(999);
  expect([pause.isPaused, ordinary.calls]).toEqual([true, ["pause", "pause"]]);
  clock.advance(1);
  expect(pause.isPaused).toBe(false);
  expect(ordinary.calls.at(-1)).toBe("resume");
});

test("the author of a write pause goes on, newcomers wait too", () => {
  const clock = new FakeClock();
  const author = createClient(1);
  const newcomer = createClient(2);
  const pause = new ClientPause(clock, () => [author.client]);
  pause.pause(1000, "write", author.client);
  pause.admit(newcomer.client);
  expect([author.calls, newcomer.calls]).toEqual([[], ["pause"]]);
  pause.unpause();
  expect(author.calls).toEqual(["resume"]);
  pause.admit(newcomer.client);
  expect(newcomer.calls).toEqual(["pause"]);
});
