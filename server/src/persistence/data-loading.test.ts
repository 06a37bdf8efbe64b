/** Full syncs that leave the data at hand alone until theirs is whole, with a clock that says when that is. */

import { beforeEach, describe, expect, test } from "vitest";
import { Config } from "../config/config.ts";
import { silentLogger } from "../observability/logger.ts";
import { FakeClock } from "../platform/fake-clock.ts";
import { MemoryDisk } from "../platform/memory-disk.ts";
import { DataLoading } from "./data-loading.ts";
import { LiveKeyspace } from "./live-keyspace.ts";

const SECOND_US = 1_000_000;

function put({ keyspace }: LiveKeyspace, key: string, value: string, expireAtMs = 0, index = 0): void {
  const bytes = Buffer.from(key + value);
  keyspace.database(index).setString(bytes, 0, key.length, bytes, key.length, value.length, expireAtMs);
}

function get({ keyspace }: LiveKeyspace, key: string, index = 0): string | undefined {
  const database = keyspace.database(index);
  const record = database.lookupRead(Buffer.from(key), 0, key.length);
  if (record === 0) return undefined;
  const start = database.valueOffset(record);
  return database.bytesOf(record).toString("latin1", start, start + database.valueLength(record));
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Fixture {
  readonly live = new LiveKeyspace();
  readonly clock = new FakeClock();
  readonly disk = new MemoryDisk();
  readonly events: string[] = [];
  readonly loading: DataLoading;
  isHeldUp = false;
  libraryProblem: string | undefined;

  constructor() {
    const config = new Config({ resolveDirectory: (to) => to, workingDirectory: "/" });
    config.assign("key-load-delay", SECOND_US);
    const { live, clock, disk, events } = this;
    live.keyspace.isReplica = true;
    live.keyspace.setNow(clock.nowMs());
    this.loading = new DataLoading(
      {
        ...{ keyspace: live.keyspace, collections: live.collections, config, clock, disk, logger: silentLogger },
        appendOnly: () => ({
          suspend: () => void events.push("suspended"),
          resume: () => void events.push("resumed"),
        }),
        libraries: () => ({
          sources: () => [],
          take: () => undefined,
          replaceAll: () => {
            if (this.libraryProblem !== undefined) throw new Error(this.libraryProblem);
            events.push("libraries");
          },
          flush: () => void events.push("libraries are gone"),
        }),
        emptied: () => void events.push("emptied"),
        replaced: () => void events.push(`replaced, with ${live.keyspace.count} keys`),
        isHeldUp: () => this.isHeldUp,
      },
      () => void events.push("snapshot given up"),
    );
    put(live, "both", "old");
    put(live, "old", "value", 0, 1);
    put(live, "expires", "value", clock.nowMs() + 1500);
    this.receive(newData().save());
  }

  receive(file: Buffer): void {
    this.disk.create("/received").append(file, 0, file.length);
  }

  /** Until the load waits for the clock. */
  async untilRead(): Promise<void> {
    while (this.live.keyspace.spare.database(0).count < 2) await turn();
  }

  async finish(): Promise<void> {
    for (let second = 0; second < 5; second++) {
      this.clock.advance(1000);
      this.live.keyspace.setNow(this.clock.nowMs());
      await turn();
    }
  }

  get content(): (string | undefined)[] {
    return [get(this.live, "both"), get(this.live, "old", 1), get(this.live, "new")];
  }
}

const OLD = ["old", "value", undefined];
const NEW = ["new", undefined, "value"];
const TOOK_OVER = ["snapshot given up", "libraries", "suspended", "resumed", "replaced, with 2 keys"];

function newData(): LiveKeyspace {
  const live = new LiveKeyspace(2);
  put(live, "both", "new");
  put(live, "new", "value");
  return live;
}

describe("a full sync beside the data at hand", () => {
  let fixture: Fixture;
  beforeEach(() => {
    fixture = new Fixture();
  });

  test("leaves that as it is and whole until its own is loaded, and replaces it at one moment", async () => {
    const { loading } = fixture;
    const replaced = loading.replaceBy("/received", "served");
    await fixture.untilRead();
    expect(fixture.content).toEqual(OLD);
    expect(loading).toMatchObject({ isUnderWay: true, isBesideServedData: true, isDataIncomplete: false });
    expect(loading.facts()).toMatchObject({ isServing: true });
    expect(get(fixture.live, "expires")).toBe("value");
    fixture.live.keyspace.setNow(fixture.clock.nowMs() + 1501);
    expect(get(fixture.live, "expires")).toBeUndefined();
    expect(fixture.events).toEqual(["snapshot given up"]);
    await fixture.finish();
    expect((await replaced).get("redis-bits")).toBe("64");
    expect(fixture.content).toEqual(NEW);
    expect(fixture.events).toEqual(TOOK_OVER);
    expect(loading).toMatchObject({ isUnderWay: false, isBesideServedData: false, isDataIncomplete: false });
    expect(loading.lastKeys).toBe(2);
  });

  test("that is kept and not served is said to be loading", async () => {
    const { loading } = fixture;
    const replaced = loading.replaceBy("/received", "kept");
    await fixture.untilRead();
    expect(loading).toMatchObject({ isUnderWay: true, isBesideServedData: false, isDataIncomplete: false });
    expect(loading.facts()).toMatchObject({ isServing: false });
    await fixture.finish();
    await replaced;
    expect(fixture.content).toEqual(NEW);
  });

  test.each(["served", "kept"] as const)("that is %s: a damaged file changes nothing", async (oldData) => {
    const { loading, live } = fixture;
    const file = newData().save();
    fixture.receive(Buffer.concat([file.subarray(0, file.length - 1), Buffer.from("?")]));
    const replaced = expect(loading.replaceBy("/received", oldData)).rejects.toThrow("Wrong RDB checksum");
    await fixture.finish();
    await replaced;
    expect(fixture.content).toEqual(OLD);
    expect(live.keyspace.spare.database(0).count).toBe(0);
    expect(fixture.events).toEqual(["snapshot given up"]);
    expect(loading).toMatchObject({ isUnderWay: false, isDataIncomplete: false });
  });

  test("whose libraries cannot be loaded changes nothing", async () => {
    fixture.libraryProblem = "does not compile";
    const replaced = expect(fixture.loading.replaceBy("/received", "served")).rejects.toThrow("does not compile");
    await fixture.finish();
    await replaced;
    expect(fixture.content).toEqual(OLD);
    expect(fixture.events).toEqual(["snapshot given up"]);
    expect(fixture.loading.isUnderWay).toBe(false);
  });

  test("that is given up ends at once and changes nothing; the next one comes through", async () => {
    const { loading, live } = fixture;
    const first = expect(loading.replaceBy("/received", "served")).rejects.toThrow("given up");
    await fixture.untilRead();
    loading.giveUp();
    expect(loading).toMatchObject({ isUnderWay: false, isBesideServedData: false });
    expect(live.keyspace.spare.database(0).count).toBe(0);
    fixture.clock.advance(20);
    await first;
    expect(fixture.content).toEqual(OLD);
    const second = loading.replaceBy("/received", "served");
    await fixture.untilRead();
    await fixture.finish();
    await second;
    expect(fixture.content).toEqual(NEW);
    expect(loading.isUnderWay).toBe(false);
  });

  test("that is given up before it began leaves no trace", async () => {
    const { loading } = fixture;
    const first = expect(loading.replaceBy("/received", "served")).rejects.toThrow("given up");
    const second = loading.replaceBy("/received", "served");
    await first;
    await fixture.finish();
    await fixture.finish();
    await second;
    expect(fixture.events).toEqual(TOOK_OVER);
  });

  test("that is given up while it waits for the end of another one never begins", async () => {
    const { loading, events } = fixture;
    const first = expect(loading.replaceBy("/received", "dropped")).rejects.toThrow("given up");
    const second = expect(loading.replaceBy("/received", "served")).rejects.toThrow("given up");
    loading.giveUp();
    await fixture.finish();
    await first;
    await second;
    expect(fixture.content).toEqual([undefined, undefined, undefined]);
    expect(events).not.toContain("replaced, with 2 keys");
    expect(loading.isUnderWay).toBe(false);
  });

  test("waits for a script that has been put aside in the middle", async () => {
    fixture.isHeldUp = true;
    const replaced = fixture.loading.replaceBy("/received", "served");
    await fixture.finish();
    expect(fixture.content).toEqual(OLD);
    fixture.isHeldUp = false;
    await replaced;
    expect(fixture.content).toEqual(NEW);
  });

  test("makes the data whole that an earlier one has left in pieces", async () => {
    const { loading } = fixture;
    fixture.receive(Buffer.from("REDIS0010 and nothing good"));
    await expect(loading.replaceBy("/received", "dropped")).rejects.toThrow("at offset");
    expect(loading.isDataIncomplete).toBe(true);
    expect(fixture.content).toEqual([undefined, undefined, undefined]);
    fixture.receive(newData().save());
    const replaced = loading.replaceBy("/received", "kept");
    await fixture.finish();
    await replaced;
    expect(fixture.content).toEqual(NEW);
    expect(loading.isDataIncomplete).toBe(false);
  });

  test("giving up leaves one alone whose old data is gone", async () => {
    const { loading, live } = fixture;
    const replaced = loading.replaceBy("/received", "dropped");
    while (live.keyspace.count < 2 || get(live, "new") === undefined) await turn();
    loading.giveUp();
    await fixture.finish();
    await replaced;
    expect(fixture.content).toEqual(NEW);
  });
});
