import { describe, expect, it } from "vitest";
import { TestKeyspace } from "./test-keyspace.ts";

class Watching {
  readonly test = new TestKeyspace();
  readonly client = {};

  watch(key: string, index = 0): void {
    this.test.keyspace.watches.watch(this.client, this.test.db(index), Buffer.from(key));
  }

  signal(key: string, index = 0): void {
    const bytes = Buffer.from(key);
    this.test.db(index).signalModified(bytes, 0, bytes.length);
  }

  get isBroken(): boolean {
    return this.test.keyspace.watches.isBroken(this.client);
  }
}

describe("Watches", () => {
  it("notice a change of a watched key in its own database only", () => {
    const watching = new Watching();
    watching.watch("key");
    watching.signal("other");
    watching.signal("key", 1);
    expect(watching.isBroken).toBe(false);
    watching.signal("key");
    expect(watching.isBroken).toBe(true);
    expect(watching.test.keyspace.dirty).toBe(3);
  });

  it("end with unwatch", () => {
    const watching = new Watching();
    watching.watch("key");
    watching.watch("key");
    watching.test.keyspace.watches.unwatchAll(watching.client);
    watching.signal("key");
    expect(watching.isBroken).toBe(false);
    expect(watching.test.keyspace.watches.clientCount).toBe(0);
    watching.watch("key");
    expect(watching.isBroken).toBe(false);
  });

  it("notice that a key expires, deleted yet or not", () => {
    for (const isSwept of [false, true]) {
      const watching = new Watching();
      watching.test.set("key", "value", watching.test.clock.nowMs() + 10);
      watching.watch("key");
      watching.test.advance(11);
      if (isSwept) watching.test.keyspace.expiry.run(10);
      expect(watching.test.db().count).toBe(isSwept ? 0 : 1);
      expect(watching.isBroken).toBe(true);
    }
  });

  it("do not mind the deletion of a key that had expired before", () => {
    const watching = new Watching();
    watching.test.set("key", "value", watching.test.clock.nowMs() + 10);
    watching.test.advance(11);
    watching.watch("key");
    expect(watching.isBroken).toBe(false);
    watching.test.keyspace.expiry.run(10);
    expect(watching.test.db().count).toBe(0);
    expect(watching.isBroken).toBe(false);
    watching.test.set("key", "new");
    watching.signal("key");
    expect(watching.isBroken).toBe(true);
  });

  it("notice an eviction", () => {
    const watching = new Watching();
    watching.test.set("key", "value");
    watching.watch("key");
    const { eviction } = watching.test.keyspace;
    eviction.configure({
      policy: "allkeys-random",
      limitBytes: 1,
      samples: 5,
      tenacity: 10,
      lfuLogFactor: 10,
      lfuDecayMinutes: 1,
    });
    eviction.freeMemoryIfNeeded();
    expect(watching.isBroken).toBe(true);
  });

  it("notice a flush or a swap only where the key stood or will stand", () => {
    for (const [present, isFlush, expected] of [
      [0, true, true],
      [1, true, false],
      [0, false, true],
      [1, false, true],
      [2, false, false],
    ] as const) {
      const watching = new Watching();
      watching.test.set("key", "value", 0, present);
      watching.watch("key");
      if (isFlush) watching.test.db().flush();
      else watching.test.keyspace.swap(0, 1);
      expect(watching.isBroken, `key in ${present}`).toBe(expected);
    }
  });
});
