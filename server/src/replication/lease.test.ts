import { expect, test } from "vitest";
import { FakeClock } from "../platform/fake-clock.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Lease } from "./lease.ts";

const SECONDS = 10;

function start(seconds = SECONDS) {
  const clock = new FakeClock(1_000_000);
  const heartbeat = new Heartbeat();
  return { clock, heartbeat, lease: new Lease({ clock, seconds, heardMs: () => heartbeat.heardMs }) };
}

test("a server whose role is its own has no lease that could end", () => {
  const { lease } = start(0);
  expect(lease.isOn).toBe(false);
  expect(lease.isOver).toBe(false);
});

test("a lease is over until it is granted, and again after its time", () => {
  const { lease, clock } = start();
  expect(lease.isOver).toBe(true);
  lease.grant(lease.ticket);
  clock.advance(SECONDS * 1000 - 1);
  expect(lease.isOver).toBe(false);
  clock.advance(1);
  expect(lease.isOver).toBe(true);
});

test("a lease lasts from the moment of its ticket, however late that comes", () => {
  const { lease, clock } = start();
  const { ticket } = lease;
  clock.advance(4000);
  lease.grant(ticket);
  expect(lease.remainingMs).toBe(6000);
  lease.grant(ticket - 3000);
  expect(lease.remainingMs).toBe(6000);
});

test("a ticket is good no more once those of before are outdated", () => {
  const { lease, clock } = start();
  const { ticket } = lease;
  lease.outdateTickets();
  clock.advance(1);
  expect([lease.isFresh(ticket), lease.isFresh(lease.ticket)]).toEqual([false, true]);
});

test("a ticket is good for half a lease, and not before its time", () => {
  const { lease, clock } = start();
  const { ticket } = lease;
  expect(lease.isFresh(ticket + 1)).toBe(false);
  clock.advance(SECONDS * 500 - 1);
  expect(lease.isFresh(ticket)).toBe(true);
  clock.advance(1);
  expect(lease.isFresh(ticket)).toBe(false);
});

test("a replica extends a lease by the moment of what it acknowledged, not by when that came", () => {
  const { lease, clock, heartbeat } = start();
  heartbeat.beat(114, lease.ticket);
  clock.advance(3000);
  heartbeat.beat(128, lease.ticket);
  heartbeat.acknowledged(113);
  expect(lease.isOver).toBe(true);
  clock.advance(2000);
  heartbeat.acknowledged(114);
  expect(lease.remainingMs).toBe(5000);
  heartbeat.acknowledged(200);
  expect(lease.remainingMs).toBe(8000);
});

test("what replicas of an earlier history proved is no proof any more", () => {
  const { lease, heartbeat } = start();
  heartbeat.beat(14, lease.ticket);
  heartbeat.acknowledged(14);
  heartbeat.beat(28, lease.ticket);
  heartbeat.restart();
  heartbeat.acknowledged(28);
  expect(lease.isOver).toBe(true);
});

test("a replica that is far behind keeps few moments in memory", () => {
  const { lease, heartbeat, clock } = start();
  for (let beat = 1; beat <= 1000; beat++) {
    heartbeat.beat(beat, lease.ticket);
    clock.advance(1000);
  }
  heartbeat.acknowledged(900);
  expect(lease.isOver).toBe(true);
  heartbeat.acknowledged(999);
  expect(lease.remainingMs).toBe(8000);
});
