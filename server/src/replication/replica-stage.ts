/** For tests: replicas as their primary sees them, with connections, snapshots and files that do as the test says. */

import { expect } from "vitest";
import { silentLogger } from "../observability/logger.ts";
import { FakeClock } from "../platform/fake-clock.ts";
import { createSystemRandom } from "../platform/random.ts";
import { History } from "./history.ts";
import type { ReplicaSession } from "./replica-session.ts";
import { Replicas } from "./replicas.ts";
import type { SnapshotFileReceiver, SnapshotInFile, SnapshotReceiver } from "./snapshot-source.ts";

const SETTINGS = {
  backlogBytes: 1000,
  backlogTtlSeconds: 0,
  pingPeriodSeconds: 3600,
  timeoutSeconds: 60,
  isDiskless: true,
  syncDelaySeconds: 0,
  enoughToSync: 0,
  maxLagSeconds: 10,
  maxSyncBytes: 50_000,
  highWaterBytes: 4000,
};

export class FakePeer {
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

/** Read as from a disk: what is asked for comes later, and in no more than so much at a time. */
export class FakeFile implements SnapshotInFile {
  readonly #content: string;
  readonly #failsAt: number;
  isOpen = true;
  mostAsked = 0;

  constructor(content: string, failsAt = Number.POSITIVE_INFINITY) {
    this.#content = content;
    this.#failsAt = failsAt;
  }

  get sizeBytes(): number {
    return this.#content.length;
  }

  async read(position: number, mostBytes: number): Promise<Buffer> {
    expect(this.isOpen).toBe(true);
    this.mostAsked = Math.max(this.mostAsked, mostBytes);
    await Promise.resolve();
    if (position >= this.#failsAt) throw new Error("The disk is gone");
    return Buffer.from(this.#content.slice(position, position + Math.min(mostBytes, 700)));
  }

  discard(): void {
    this.isOpen = false;
  }
}

interface Replica {
  readonly peer: FakePeer;
  readonly session: ReplicaSession;
}

export class ReplicaStage {
  readonly clock = new FakeClock();
  readonly warnings: string[] = [];
  readonly settings = { ...SETTINGS };
  readonly replicas: Replicas;
  /** What the snapshot under way goes to. */
  receiver: SnapshotReceiver | undefined;
  fileReceiver: SnapshotFileReceiver | undefined;
  /** How many have begun. */
  snapshots = 0;

  constructor() {
    const random = createSystemRandom();
    const { clock, settings } = this;
    this.replicas = new Replicas({
      ...{ clock, random, history: new History(random), settings },
      logger: { ...silentLogger, warning: (message) => void this.warnings.push(message) },
      snapshots: {
        toReceiver: (begun) => {
          if (this.receiver !== undefined) return undefined;
          this.receiver = begun;
          this.snapshots++;
          return () => this.endSnapshot((ended) => ended.fail("given up"));
        },
        toFile: (begun) => {
          this.fileReceiver = begun;
          this.snapshots++;
          return () => begun.fail("given up");
        },
      },
    });
  }

  endSnapshot(how: (receiver: SnapshotReceiver) => void): void {
    const ended = this.receiver as SnapshotReceiver;
    this.receiver = undefined;
    how(ended);
  }

  connect(port: number): Replica {
    const peer = new FakePeer(port, (gone) => this.replicas.forget(gone));
    const session = this.replicas.sessionOf(peer, true) as ReplicaSession;
    Object.assign(session, { understandsEndMark: true, understandsPsync2: true, listeningPort: port });
    return { peer, session };
  }

  startSync(port: number): Replica {
    const one = this.connect(port);
    this.replicas.synchronize(one.session, "?", -1);
    return one;
  }

  async change(bytes: number, filler = "x"): Promise<void> {
    this.replicas.feed(0, Buffer.alloc(bytes, filler), 0, bytes);
    await Promise.resolve();
  }

  finishSnapshot(...peers: FakePeer[]): void {
    this.endSnapshot((ended) => ended.end());
    for (const peer of peers) {
      peer.take();
      this.replicas.acknowledge(peer, 0);
    }
  }

  /** All that comes while the replica reads without a pause. */
  readAll(peer: FakePeer): string {
    let all = peer.take();
    for (let k = 0; k < 100; k++) {
      this.clock.advance(2);
      all += peer.take();
    }
    return all;
  }
}

/** What the stream begins with. */
export const SELECT = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
