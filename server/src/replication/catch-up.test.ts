/** Replicas as their primary sees them, with connections that take as much as the test says. */

import { beforeEach, describe, expect, test } from "vitest";
import { FakeFile, ReplicaStage, SELECT } from "./replica-stage.ts";

let stage: ReplicaStage;
beforeEach(() => {
  stage = new ReplicaStage();
});

describe("a full sync", () => {
  test("is followed by all that changed meanwhile, kept once and given as it is taken", async () => {
    Object.assign(stage.settings, { syncDelaySeconds: 5 });
    const [one, other] = [stage.startSync(1), stage.startSync(2)];
    stage.clock.advance(5000);
    stage.replicas.tick();
    expect(stage.snapshots).toBe(1);
    for (let k = 0; k < 30; k++) await stage.change(1000, String.fromCharCode(97 + (k % 26)));
    const expected =
      SELECT + Array.from({ length: 30 }, (_, k) => String.fromCharCode(97 + (k % 26)).repeat(1000)).join("");
    expect(stage.replicas.backlog?.length).toBe(expected.length);
    stage.finishSnapshot(one.peer, other.peer);
    for (const { peer } of [one, other]) expect(peer.waitingBytes).toBe(stage.settings.highWaterBytes);
    await stage.change(100, "!");
    for (const { peer } of [one, other]) expect(peer.waitingBytes).toBe(stage.settings.highWaterBytes);
    expect(stage.readAll(one.peer)).toBe(`${expected}${"!".repeat(100)}`);
    // The other has not read: what it lacks stays, and the first follows.
    expect(stage.replicas.backlog?.length).toBe(expected.length + 100 - stage.settings.highWaterBytes);
    await stage.change(10, "?");
    expect(one.peer.take()).toBe("??????????");
    expect(stage.readAll(other.peer)).toBe(`${expected}${"!".repeat(100)}??????????`);
    expect(stage.replicas.backlog?.grownBytes).toBe(0);
    await stage.change(10, "+");
    expect([one.peer.take(), other.peer.take()]).toEqual(["++++++++++", "++++++++++"]);
    expect(stage.warnings).toEqual([]);
  });

  test("for which too much changes is given up, says what to raise, and is tried again later and later", async () => {
    for (const waitSeconds of [10, 20, 40]) {
      const before = stage.snapshots;
      const { peer } = stage.startSync(1);
      stage.replicas.tick();
      if (before > 0) {
        expect(stage.snapshots).toBe(before);
        stage.clock.advance((waitSeconds / 2) * 1000 - 1);
        stage.replicas.tick();
        expect(stage.snapshots).toBe(before);
        expect(peer.taken + peer.take()).toMatch(/^\n+$/);
        stage.clock.advance(1);
        stage.replicas.tick();
        expect(stage.snapshots).toBe(before + 1);
      }
      for (let k = 0; k < 60; k++) {
        await stage.change(1000);
        expect(stage.replicas.backlog?.length).toBeLessThanOrEqual(stage.settings.maxSyncBytes);
      }
      expect(peer.isDestroyed).toBe(true);
      // Nobody is left for it, so its snapshot ends, and nothing is kept for it.
      expect(stage.receiver).toBeUndefined();
      expect(stage.replicas.backlog?.length).toBe(stage.settings.backlogBytes);
      expect(stage.warnings.find((line) => line.includes(`${waitSeconds} s`))).toMatch(
        /127\.0\.0\.1:1 \(sending\).*50000 bytes.*client-output-buffer-limit replica/,
      );
    }
  });

  test("that is given up delays nobody else, and a success does not make the next delay shorter", async () => {
    const slow = stage.startSync(1);
    await stage.change(60_000);
    expect(slow.peer.isDestroyed).toBe(true);
    const good = stage.startSync(2);
    expect(stage.snapshots).toBe(2);
    stage.finishSnapshot(good.peer);
    const again = stage.startSync(1);
    stage.clock.advance(10_000);
    stage.replicas.tick();
    expect(stage.snapshots).toBe(3);
    stage.finishSnapshot(again.peer);
    stage.replicas.forget(again.peer);
    stage.startSync(1);
    expect(stage.snapshots).toBe(4);
    await stage.change(60_000);
    expect(stage.warnings.at(-1)).toContain("again in 20 s");
  });

  test("is given to each replica as it takes it, and kept once for who is slower", () => {
    Object.assign(stage.settings, { syncDelaySeconds: 5 });
    const [quick, slow] = [stage.startSync(1), stage.startSync(2)];
    stage.clock.advance(5000);
    stage.replicas.tick();
    let expected = "";
    for (let k = 0; k < 30; k++) {
      const piece = String.fromCharCode(97 + (k % 26)).repeat(1000);
      stage.receiver?.write(Buffer.from(piece));
      expected += piece;
      quick.peer.take();
      expect(slow.peer.waitingBytes).toBeLessThanOrEqual(stage.settings.highWaterBytes);
    }
    expect(stage.receiver?.isFull).toBe(true);
    expect(stage.replicas.waitingBytes).toBeGreaterThan(25_000);
    expect(stage.replicas.waitingBytes).toBeLessThanOrEqual(30_000);
    // Its making is over; it is not when the slower one has not been given all of it.
    stage.endSnapshot((ended) => ended.end());
    stage.replicas.acknowledge(slow.peer, 0);
    expect(slow.session.state).toBe("sending");
    stage.readAll(quick.peer);
    stage.readAll(slow.peer);
    for (const { peer, session } of [quick, slow]) {
      const [, mark, content] = /\$EOF:(\w{40})\r\n(.*)$/s.exec(peer.taken) as unknown as [string, string, string];
      expect(content).toBe(expected + mark);
      stage.replicas.acknowledge(peer, 0);
      expect(session.state).toBe("online");
    }
    expect([stage.replicas.waitingBytes, stage.snapshots, stage.warnings]).toEqual([0, 1, []]);
  });

  test("of which somebody lacks too much goes on for the others, and begins for nobody else before it is over", async () => {
    Object.assign(stage.settings, { syncDelaySeconds: 5 });
    const [quick, slow] = [stage.startSync(1), stage.startSync(2)];
    stage.clock.advance(5000);
    stage.replicas.tick();
    for (let k = 0; k < 53; k++) {
      // Old content, of which each change also goes to the stream: both count.
      stage.receiver?.write(Buffer.alloc(500, "o"));
      await stage.change(500);
      quick.peer.take();
      expect(slow.peer.isDestroyed).toBe(false);
      expect(stage.replicas.waitingBytes).toBeLessThanOrEqual(stage.settings.maxSyncBytes);
    }
    stage.receiver?.write(Buffer.alloc(3000, "o"));
    // Not at once: what was about to change is in the middle of it.
    expect(slow.peer.isDestroyed).toBe(false);
    stage.clock.advance(2);
    expect([slow.peer.isDestroyed, quick.peer.isDestroyed]).toEqual([true, false]);
    expect(stage.warnings).toHaveLength(1);
    expect(stage.warnings[0]).toContain("127.0.0.1:2 (sending): more has changed during its synchronization");
    expect(stage.replicas.waitingBytes).toBeLessThan(30_000);
    stage.finishSnapshot(quick.peer);
    expect(quick.session.state).toBe("online");
    stage.startSync(2);
    stage.clock.advance(9000);
    stage.replicas.tick();
    expect(stage.snapshots).toBe(1);
    stage.clock.advance(1000);
    stage.replicas.tick();
    expect(stage.snapshots).toBe(2);
  });

  test("goes on for others when one is parted with", async () => {
    Object.assign(stage.settings, { syncDelaySeconds: 5 });
    const [one, other] = [stage.startSync(1), stage.startSync(2)];
    stage.clock.advance(5000);
    stage.replicas.tick();
    await stage.change(500);
    stage.replicas.forget(one.peer);
    stage.finishSnapshot(other.peer);
    expect(stage.readAll(other.peer)).toBe(SELECT + "x".repeat(500));
  });

  test("of one that wants a snapshot only keeps nothing for it", async () => {
    const { peer, session } = stage.connect(1);
    session.isSnapshotOnly = true;
    stage.replicas.synchronize(session, "?", -1);
    await stage.change(60_000);
    expect(peer.isDestroyed).toBe(false);
    expect(stage.replicas.backlog?.length).toBe(stage.settings.backlogBytes);
  });
});

test("who goes on from a backlog larger than may wait for it is given it piece by piece", async () => {
  Object.assign(stage.settings, { backlogBytes: 40_000 });
  const first = stage.startSync(1);
  stage.finishSnapshot(first.peer);
  const next = stage.replicas.offset + 1;
  stage.replicas.forget(first.peer);
  await stage.change(30_000, "y");
  const { peer, session } = stage.connect(1);
  stage.replicas.synchronize(session, /FULLRESYNC (\S+)/.exec(first.peer.taken)?.[1] ?? "", next);
  expect(stage.replicas.partialSyncs).toBe(1);
  expect(peer.waitingBytes).toBeLessThan(stage.settings.highWaterBytes + 100);
  expect(stage.readAll(peer).replace(/^\+CONTINUE.*\r\n/, "")).toBe(SELECT + "y".repeat(30_000));
});

test("replicas that are disconnected because the history is another need not wait before they come again", async () => {
  stage.startSync(1);
  await stage.change(500);
  const { peer } = stage.startSync(2);
  stage.replicas.openBacklog();
  stage.replicas.disconnectAll();
  expect(peer.isDestroyed).toBe(true);
  const before = stage.snapshots;
  stage.startSync(1);
  expect(stage.snapshots).toBe(before + 1);
  expect(stage.warnings).toEqual([]);
});

describe("a replica is disconnected", () => {
  function pass(seconds: number, each: () => void = () => undefined): void {
    for (let k = 0; k < seconds; k++) {
      stage.clock.advance(1000);
      each();
      stage.replicas.tick();
    }
  }

  test("that follows and has not said how far it is for repl-timeout", () => {
    const { peer } = stage.startSync(1);
    stage.finishSnapshot(peer);
    pass(50);
    stage.replicas.acknowledge(peer, 1);
    pass(60);
    expect(peer.isDestroyed).toBe(false);
    pass(1);
    expect(peer.isDestroyed).toBe(true);
    expect(stage.warnings).toEqual(["Disconnecting timedout replica 127.0.0.1:1 (online)"]);
  });

  test("that takes nothing of its snapshot for repl-timeout, not one that is slow or loads it", () => {
    Object.assign(stage.settings, { syncDelaySeconds: 1 });
    const [dead, slow, loading] = [stage.startSync(1), stage.startSync(2), stage.startSync(3)];
    pass(1);
    stage.receiver?.write(Buffer.alloc(1000));
    loading.peer.take();
    slow.peer.take();
    pass(60, () => {
      slow.peer.take();
      slow.peer.connection.send(Buffer.alloc(1000));
    });
    expect([dead, slow, loading].map(({ peer }) => peer.isDestroyed)).toEqual([false, false, false]);
    pass(2, () => slow.peer.connection.send(Buffer.alloc(1)));
    expect([dead, slow, loading].map(({ peer }) => peer.isDestroyed)).toEqual([true, false, false]);
    expect(stage.warnings).toEqual(["Disconnecting timedout replica 127.0.0.1:1 (sending)"]);
  });

  test("but not for saying nothing if it asked with SYNC", () => {
    const { peer, session } = stage.connect(1);
    Object.assign(session, { understandsEndMark: false, usesOldSync: true });
    stage.replicas.synchronize(session, "?", -1);
    stage.fileReceiver?.ready(new FakeFile(""));
    peer.take();
    pass(120, () => peer.take());
    expect([session.state, peer.isDestroyed]).toEqual(["online", false]);
  });

  test("if it asked with SYNC and takes nothing of what came meanwhile", async () => {
    const { peer, session } = stage.connect(1);
    Object.assign(session, { understandsEndMark: false, usesOldSync: true });
    stage.replicas.synchronize(session, "?", -1);
    await stage.change(10_000);
    stage.fileReceiver?.ready(new FakeFile(""));
    pass(62);
    expect(peer.isDestroyed).toBe(true);
  });
});
