/** Full syncs whose length is told first. */

import { beforeEach, describe, expect, test } from "vitest";
import { FakeFile, type FakePeer, ReplicaStage, SELECT } from "./replica-stage.ts";

let stage: ReplicaStage;
beforeEach(() => {
  stage = new ReplicaStage();
});

const PING = "*1\r\n$4\r\nPING\r\n";

describe("a full sync by a file", () => {
  const content = Array.from({ length: 20 }, (_, k) => String.fromCharCode(97 + k).repeat(1000)).join("");

  /** What a replica is sent while it reads without a pause. */
  async function readFile(...peers: FakePeer[]): Promise<void> {
    for (let k = 0; k < 100; k++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      for (const peer of peers) {
        expect(peer.waitingBytes).toBeLessThanOrEqual(stage.settings.highWaterBytes + 100);
        peer.take();
      }
      stage.clock.advance(2);
    }
  }

  test("tells the length, and is followed by the stream without a word of the replica", async () => {
    Object.assign(stage.settings, { isDiskless: false });
    const { peer, session } = stage.startSync(1);
    expect([stage.snapshots, stage.receiver]).toEqual([1, undefined]);
    expect(peer.take()).toMatch(/^\+FULLRESYNC \w{40} \d+\r\n$/);
    await stage.change(100, "1");
    stage.replicas.tick();
    expect(peer.take()).toBe("\n");
    peer.taken = "";
    const file = new FakeFile(content);
    stage.fileReceiver?.ready(file);
    stage.replicas.tick();
    expect(file.isOpen).toBe(true);
    await readFile(peer);
    expect(file.isOpen).toBe(false);
    expect(file.mostAsked).toBeLessThanOrEqual(stage.settings.highWaterBytes);
    expect(session.state).toBe("online");
    await stage.change(100, "2");
    peer.take();
    expect(peer.taken.replace(PING, "")).toBe(`$20000\r\n${content}${SELECT}${"1".repeat(100)}${"2".repeat(100)}`);
  });

  test("is for all if one of them cannot find an end by its mark, each at its own pace, and over when the slowest is gone", async () => {
    Object.assign(stage.settings, { syncDelaySeconds: 5 });
    const [quick, slow, old] = [stage.startSync(1), stage.startSync(2), stage.connect(3)];
    Object.assign(old.session, { understandsEndMark: false, usesOldSync: true });
    stage.replicas.synchronize(old.session, "?", -1);
    stage.clock.advance(5000);
    stage.replicas.tick();
    const file = new FakeFile(content);
    stage.fileReceiver?.ready(file);
    await readFile(quick.peer, old.peer);
    expect(old.peer.taken.replaceAll("\n", "")).toBe(`$20000\r${content}`);
    expect(quick.peer.taken.replaceAll("\n", "")).toContain(`\r$20000\r${content}`);
    expect([quick, slow, old].map(({ session }) => session.state)).toEqual(["online", "sending", "online"]);
    expect(slow.peer.waitingBytes).toBeLessThanOrEqual(stage.settings.highWaterBytes + 100);
    // One sync at a time.
    stage.startSync(4);
    stage.clock.advance(6000);
    stage.replicas.tick();
    expect([stage.snapshots, file.isOpen]).toEqual([1, true]);
    stage.replicas.forget(slow.peer);
    stage.clock.advance(2);
    stage.replicas.tick();
    expect([stage.snapshots, file.isOpen, stage.warnings]).toEqual([2, false, []]);
  });

  test("whose file cannot be written or read ends with those it was for, and the next begins anew", async () => {
    Object.assign(stage.settings, { isDiskless: false });
    const first = stage.startSync(1);
    stage.fileReceiver?.fail("No space left on device");
    expect(first.peer.isDestroyed).toBe(true);
    const second = stage.startSync(1);
    const file = new FakeFile(content, 5000);
    stage.fileReceiver?.ready(file);
    await readFile(second.peer);
    expect([second.peer.isDestroyed, file.isOpen]).toEqual([true, false]);
    expect(stage.warnings).toEqual([
      "Synchronization with replicas failed: No space left on device",
      "Synchronization with replicas failed: The disk is gone",
    ]);
    stage.startSync(1);
    expect(stage.snapshots).toBe(3);
  });

  test("that nobody is left for is given up, and a file that comes all the same is thrown away", () => {
    Object.assign(stage.settings, { isDiskless: false });
    const { peer } = stage.startSync(1);
    const late = stage.fileReceiver;
    stage.replicas.forget(peer);
    const file = new FakeFile(content);
    late?.ready(file);
    expect(file.isOpen).toBe(false);
    stage.startSync(1);
    expect(stage.snapshots).toBe(2);
  });
});

test("as soon as enough replicas wait, others are not waited for", () => {
  Object.assign(stage.settings, { syncDelaySeconds: 5, enoughToSync: 2 });
  stage.startSync(1);
  stage.replicas.tick();
  expect(stage.snapshots).toBe(0);
  stage.startSync(2);
  expect(stage.snapshots).toBe(1);
});
