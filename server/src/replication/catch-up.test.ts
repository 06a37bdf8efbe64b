/** Replicas as their primary sees them, with connections that take as much as the test says. */

import { beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "../observability/logger.ts";
import { FakeClock } from "../platform/fake-clock.ts";
import { createSystemRandom } from "../platform/random.ts";
import type { SnapshotReceiver } from "./full-sync.ts";
import { History } from "./history.ts";
import type { ReplicaSession } from "./replica-session.ts";
import { Replicas } from "./replicas.ts";

const SETTINGS = {
  backlogBytes: 1000,
  backlogTtlSeconds: 0,
  pingPeriodSeconds: 3600,
  timeoutSeconds: 60,
  syncDelaySeconds: 0,
  maxLagSeconds: 10,
  maxSyncBytes: 50_000,
  highWaterBytes: 4000,
};

class FakePeer {
  readonly address: string;
  readonly #closed: (peer: FakePeer) => void;
  #sent: Buffer[] = [];
  taken = "";
  isDestroyed = false;
  readonly connection;

  constructor(port: number, closed: (peer: FakePeer) => void) {
    this.address = `127.0.0.1:${port}`;
    this.#closed = closed;
    const peer = this;
    this.connection = {
      send: (bytes: Buffer): void => void this.#sent.push(bytes),
      destroy: (): void => {
        this.isDestroyed = true;
        this.#closed(this);
      },
      get outputBytes(): number {
        return peer.waitingBytes;
      },
    };
  }

  get waitingBytes(): number {
    return this.#sent.reduce((sum, { length }) => sum + length, 0);
  }

  /** Reads all that waits. */
  take(): string {
    const text = Buffer.concat(this.#sent).toString();
    this.#sent = [];
    this.taken += text;
    return text;
  }
}

let clock: FakeClock;
let replicas: Replicas;
let warnings: string[];
let receiver: SnapshotReceiver | undefined;
let snapshots: number;
let settings: typeof SETTINGS;

beforeEach(() => {
  clock = new FakeClock();
  warnings = [];
  snapshots = 0;
  receiver = undefined;
  settings = { ...SETTINGS };
  const random = createSystemRandom();
  replicas = new Replicas({
    ...{ clock, random, history: new History(random), settings },
    logger: { ...silentLogger, warning: (message) => void warnings.push(message) },
    startSnapshot: (begun) => {
      if (receiver !== undefined) return undefined;
      receiver = begun;
      snapshots++;
      return () => endSnapshot((ended) => ended.fail("given up"));
    },
  });
});

function endSnapshot(how: (receiver: SnapshotReceiver) => void): void {
  const ended = receiver as SnapshotReceiver;
  receiver = undefined;
  how(ended);
}

function connect(port: number): { peer: FakePeer; session: ReplicaSession } {
  const peer = new FakePeer(port, (gone) => replicas.forget(gone));
  const session = replicas.sessionOf(peer, true) as ReplicaSession;
  Object.assign(session, { understandsEndMark: true, understandsPsync2: true, listeningPort: port });
  return { peer, session };
}

function startSync(port: number): { peer: FakePeer; session: ReplicaSession } {
  const one = connect(port);
  replicas.synchronize(one.session, "?", -1);
  return one;
}

async function change(bytes: number, filler = "x"): Promise<void> {
  replicas.feed(0, Buffer.alloc(bytes, filler), 0, bytes);
  await Promise.resolve();
}

function finishSnapshot(...peers: FakePeer[]): void {
  endSnapshot((ended) => ended.end());
  for (const peer of peers) {
    peer.take();
    replicas.acknowledge(peer, 0);
  }
}

/** All that comes while the replica reads without a pause. */
function readAll(peer: FakePeer): string {
  let all = peer.take();
  for (let k = 0; k < 100; k++) {
    clock.advance(2);
    all += peer.take();
  }
  return all;
}

const SELECT = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";

describe("a full sync", () => {
  test("is followed by all that changed meanwhile, kept once and given as it is taken", async () => {
    Object.assign(settings, { syncDelaySeconds: 5 });
    const [one, other] = [startSync(1), startSync(2)];
    clock.advance(5000);
    replicas.tick();
    expect(snapshots).toBe(1);
    for (let k = 0; k < 30; k++) await change(1000, String.fromCharCode(97 + (k % 26)));
    const expected =
      SELECT + Array.from({ length: 30 }, (_, k) => String.fromCharCode(97 + (k % 26)).repeat(1000)).join("");
    expect(replicas.backlog?.length).toBe(expected.length);
    finishSnapshot(one.peer, other.peer);
    for (const { peer } of [one, other]) expect(peer.waitingBytes).toBe(settings.highWaterBytes);
    await change(100, "!");
    for (const { peer } of [one, other]) expect(peer.waitingBytes).toBe(settings.highWaterBytes);
    expect(readAll(one.peer)).toBe(`${expected}${"!".repeat(100)}`);
    // The other has not read: what it lacks stays, and the first follows.
    expect(replicas.backlog?.length).toBe(expected.length + 100 - settings.highWaterBytes);
    await change(10, "?");
    expect(one.peer.take()).toBe("??????????");
    expect(readAll(other.peer)).toBe(`${expected}${"!".repeat(100)}??????????`);
    expect(replicas.backlog?.grownBytes).toBe(0);
    await change(10, "+");
    expect([one.peer.take(), other.peer.take()]).toEqual(["++++++++++", "++++++++++"]);
    expect(warnings).toEqual([]);
  });

  test("for which too much changes is given up, says what to raise, and is tried again later and later", async () => {
    for (const waitSeconds of [10, 20, 40]) {
      const before = snapshots;
      const { peer } = startSync(1);
      replicas.tick();
      if (before > 0) {
        expect(snapshots).toBe(before);
        clock.advance((waitSeconds / 2) * 1000 - 1);
        replicas.tick();
        expect(snapshots).toBe(before);
        expect(peer.taken + peer.take()).toMatch(/^\n+$/);
        clock.advance(1);
        replicas.tick();
        expect(snapshots).toBe(before + 1);
      }
      for (let k = 0; k < 60; k++) {
        await change(1000);
        expect(replicas.backlog?.length).toBeLessThanOrEqual(settings.maxSyncBytes);
      }
      expect(peer.isDestroyed).toBe(true);
      // Nobody is left for it, so its snapshot ends, and nothing is kept for it.
      expect(receiver).toBeUndefined();
      expect(replicas.backlog?.length).toBe(settings.backlogBytes);
      expect(warnings.find((line) => line.includes(`${waitSeconds} s`))).toMatch(
        /127\.0\.0\.1:1 \(sending\).*50000 bytes.*client-output-buffer-limit replica/,
      );
    }
  });

  test("that is given up delays nobody else, and a success does not make the next delay shorter", async () => {
    const slow = startSync(1);
    await change(60_000);
    expect(slow.peer.isDestroyed).toBe(true);
    const good = startSync(2);
    expect(snapshots).toBe(2);
    finishSnapshot(good.peer);
    const again = startSync(1);
    clock.advance(10_000);
    replicas.tick();
    expect(snapshots).toBe(3);
    finishSnapshot(again.peer);
    replicas.forget(again.peer);
    startSync(1);
    expect(snapshots).toBe(4);
    await change(60_000);
    expect(warnings.at(-1)).toContain("again in 20 s");
  });

  test("is given to each replica as it takes it, and kept once for who is slower", () => {
    Object.assign(settings, { syncDelaySeconds: 5 });
    const [quick, slow] = [startSync(1), startSync(2)];
    clock.advance(5000);
    replicas.tick();
    let expected = "";
    for (let k = 0; k < 30; k++) {
      const piece = String.fromCharCode(97 + (k % 26)).repeat(1000);
      receiver?.write(Buffer.from(piece));
      expected += piece;
      quick.peer.take();
      expect(slow.peer.waitingBytes).toBeLessThanOrEqual(settings.highWaterBytes);
    }
    expect(receiver?.isFull).toBe(true);
    expect(replicas.waitingBytes).toBeGreaterThan(25_000);
    expect(replicas.waitingBytes).toBeLessThanOrEqual(30_000);
    // Its making is over; it is not when the slower one has not been given all of it.
    endSnapshot((ended) => ended.end());
    replicas.acknowledge(slow.peer, 0);
    expect(slow.session.state).toBe("sending");
    readAll(quick.peer);
    readAll(slow.peer);
    for (const { peer, session } of [quick, slow]) {
      const [, mark, content] = /\$EOF:(\w{40})\r\n(.*)$/s.exec(peer.taken) as unknown as [string, string, string];
      expect(content).toBe(expected + mark);
      replicas.acknowledge(peer, 0);
      expect(session.state).toBe("online");
    }
    expect([replicas.waitingBytes, snapshots, warnings]).toEqual([0, 1, []]);
  });

  test("of which somebody lacks too much goes on for the others, and begins for nobody else before it is over", async () => {
    Object.assign(settings, { syncDelaySeconds: 5 });
    const [quick, slow] = [startSync(1), startSync(2)];
    clock.advance(5000);
    replicas.tick();
    for (let k = 0; k < 53; k++) {
      // Old content, of which each change also goes to the stream: both count.
      receiver?.write(Buffer.alloc(500, "o"));
      await change(500);
      quick.peer.take();
      expect(slow.peer.isDestroyed).toBe(false);
      expect(replicas.waitingBytes).toBeLessThanOrEqual(settings.maxSyncBytes);
    }
    receiver?.write(Buffer.alloc(3000, "o"));
    // Not at once: what was about to change is in the middle of it.
    expect(slow.peer.isDestroyed).toBe(false);
    clock.advance(2);
    expect([slow.peer.isDestroyed, quick.peer.isDestroyed]).toEqual([true, false]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("127.0.0.1:2 (sending): more has changed during its synchronization");
    expect(replicas.waitingBytes).toBeLessThan(30_000);
    finishSnapshot(quick.peer);
    expect(quick.session.state).toBe("online");
    startSync(2);
    clock.advance(9000);
    replicas.tick();
    expect(snapshots).toBe(1);
    clock.advance(1000);
    replicas.tick();
    expect(snapshots).toBe(2);
  });

  test("goes on for others when one is parted with", async () => {
    Object.assign(settings, { syncDelaySeconds: 5 });
    const [one, other] = [startSync(1), startSync(2)];
    clock.advance(5000);
    replicas.tick();
    await change(500);
    replicas.forget(one.peer);
    finishSnapshot(other.peer);
    expect(readAll(other.peer)).toBe(SELECT + "x".repeat(500));
  });

  test("of one that wants a snapshot only keeps nothing for it", async () => {
    const { peer, session } = connect(1);
    session.isSnapshotOnly = true;
    replicas.synchronize(session, "?", -1);
    await change(60_000);
    expect(peer.isDestroyed).toBe(false);
    expect(replicas.backlog?.length).toBe(settings.backlogBytes);
  });
});

describe("a replica that is slower than the stream", () => {
  test("is given it from the backlog, and follows again when it has caught up", async () => {
    const { peer } = startSync(1);
    finishSnapshot(peer);
    readAll(peer);
    peer.taken = "";
    let expected = "";
    for (let k = 0; k < 40; k++) {
      const letter = String.fromCharCode(97 + (k % 26));
      await change(1000, letter);
      expected += letter.repeat(1000);
      expect(peer.waitingBytes).toBeLessThanOrEqual(settings.highWaterBytes + 1100);
    }
    expect(replicas.waitingBytes).toBeGreaterThan(30_000);
    expect(readAll(peer)).toBe(SELECT + expected);
    expect(replicas.waitingBytes).toBe(0);
    await change(10, "+");
    expect(peer.take()).toBe("++++++++++");
  });

  test("is parted with if it lacks too much, and waits longer each time though it has synchronized between", async () => {
    for (const waitSeconds of [10, 20]) {
      const { peer } = startSync(1);
      finishSnapshot(peer);
      expect(peer.isDestroyed).toBe(false);
      for (let k = 0; k < 60 && !peer.isDestroyed; k++) await change(1000);
      expect(peer.isDestroyed).toBe(true);
      expect(warnings.at(-1)).toMatch(
        new RegExp(`\\(online\\): it is slower than the stream.*\\(50000 bytes\\).*again in ${waitSeconds} s`),
      );
      clock.advance(waitSeconds * 1000);
    }
    expect(warnings).toHaveLength(2);
  });
});

test("who goes on from a backlog larger than may wait for it is given it piece by piece", async () => {
  Object.assign(settings, { backlogBytes: 40_000 });
  const first = startSync(1);
  finishSnapshot(first.peer);
  const next = replicas.offset + 1;
  replicas.forget(first.peer);
  await change(30_000, "y");
  const { peer, session } = connect(1);
  replicas.synchronize(session, /FULLRESYNC (\S+)/.exec(first.peer.taken)?.[1] ?? "", next);
  expect(replicas.partialSyncs).toBe(1);
  expect(peer.waitingBytes).toBeLessThan(settings.highWaterBytes + 100);
  expect(readAll(peer).replace(/^\+CONTINUE.*\r\n/, "")).toBe(SELECT + "y".repeat(30_000));
});

test("replicas that are disconnected because the history is another need not wait before they come again", async () => {
  startSync(1);
  await change(500);
  const { peer } = startSync(2);
  replicas.openBacklog();
  replicas.disconnectAll();
  expect(peer.isDestroyed).toBe(true);
  const before = snapshots;
  startSync(1);
  expect(snapshots).toBe(before + 1);
  expect(warnings).toEqual([]);
});

describe("a replica is disconnected", () => {
  function pass(seconds: number, each: () => void = () => undefined): void {
    for (let k = 0; k < seconds; k++) {
      clock.advance(1000);
      each();
      replicas.tick();
    }
  }

  test("that follows and has not said how far it is for repl-timeout", () => {
    const { peer } = startSync(1);
    finishSnapshot(peer);
    pass(50);
    replicas.acknowledge(peer, 1);
    pass(60);
    expect(peer.isDestroyed).toBe(false);
    pass(1);
    expect(peer.isDestroyed).toBe(true);
    expect(warnings).toEqual(["Disconnecting timedout replica 127.0.0.1:1 (online)"]);
  });

  test("that takes nothing of its snapshot for repl-timeout, not one that is slow or loads it", () => {
    Object.assign(settings, { syncDelaySeconds: 1 });
    const [dead, slow, loading] = [startSync(1), startSync(2), startSync(3)];
    pass(1);
    receiver?.write(Buffer.alloc(1000));
    loading.peer.take();
    slow.peer.take();
    pass(60, () => {
      slow.peer.take();
      slow.peer.connection.send(Buffer.alloc(1000));
    });
    expect([dead, slow, loading].map(({ peer }) => peer.isDestroyed)).toEqual([false, false, false]);
    pass(2, () => slow.peer.connection.send(Buffer.alloc(1)));
    expect([dead, slow, loading].map(({ peer }) => peer.isDestroyed)).toEqual([true, false, false]);
    expect(warnings).toEqual(["Disconnecting timedout replica 127.0.0.1:1 (sending)"]);
  });

  test("but not for saying nothing if it asked with SYNC", () => {
    const { peer, session } = connect(1);
    Object.assign(session, { understandsEndMark: false, usesOldSync: true });
    replicas.synchronize(session, "?", -1);
    endSnapshot((ended) => ended.end());
    peer.take();
    pass(120, () => peer.take());
    expect([session.state, peer.isDestroyed]).toEqual(["online", false]);
  });

  test("if it asked with SYNC and takes nothing of what came meanwhile", async () => {
    const { peer, session } = connect(1);
    Object.assign(session, { understandsEndMark: false, usesOldSync: true });
    replicas.synchronize(session, "?", -1);
    await change(10_000);
    endSnapshot((ended) => ended.end());
    pass(62);
    expect(peer.isDestroyed).toBe(true);
  });
});
