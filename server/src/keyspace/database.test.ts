import { keySlot } from "@kvcluster/protocol/slots";
import { describe, expect, it, vi } from "vitest";
import { createSeededRandom, type Random } from "../platform/random.ts";
import { agree } from "../testing/agree.ts";
import { Encoding, encodingName, ValueType } from "../values/value-type.ts";
import { KEEP_TTL, NO_EXPIRY } from "./record.ts";
import { TestKeyspace } from "./test-keyspace.ts";

interface Entry {
  text: string;
  expireAtMs: number;
}

/** Does the same to a keyspace and to Maps, one random step at a time. */
class Twin {
  readonly test: TestKeyspace;
  readonly model: Map<string, Entry>[] = [new Map(), new Map()];
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = createSeededRandom(seed);
    this.test = new TestKeyspace({ seed, databaseCount: 2 });
  }

  step(): void {
    const index = this.#random.below(2);
    const key = this.#key();
    const model = this.model[index] as Map<string, Entry>;
    const entry = this.#live(index, key);
    const steps = [
      () => this.#set(index, key),
      () => this.#set(index, key),
      () => this.#set(index, key),
      () => agree(this.test.get(key, index), entry?.text),
      () => agree(this.test.get(key, index), entry?.text),
      () => {
        agree(this.test.delete(key, index), entry !== undefined);
        model.delete(key);
      },
      () => this.#expire(index, key, entry),
      () => this.#grow(index, key, entry),
      () => this.#collection(index, key),
      () => this.#rename(index, key, entry),
      () => this.#copyOrMove(index, key, entry),
      () => this.#time(index),
    ];
    (steps[this.#random.below(steps.length)] as () => void)();
  }

  check(): void {
    for (const index of [0, 1]) {
      const live = [...(this.model[index] as Map<string, Entry>).keys()].filter((key) => this.#live(index, key));
      const found = this.test.keys(index).filter((key) => this.test.get(key, index) !== undefined);
      expect(found).toEqual(live.sort());
      for (const key of live) {
        const entry = this.#live(index, key) as Entry;
        expect(this.test.get(key, index)).toBe(entry.text);
        expect(this.test.db(index).expireAtOf(this.test.write(key, index))).toBe(entry.expireAtMs);
      }
      expect(this.test.db(index).count).toBe(live.length);
      const expiring = live.filter((key) => (this.#live(index, key) as Entry).expireAtMs !== NO_EXPIRY);
      expect(this.test.db(index).expiry.count).toBe(expiring.length);
    }
  }

  #key(): string {
    const number = this.#random.below(400);
    return number === 0 ? "wide".repeat(20_000) : `key:${number}`;
  }

  #live(index: number, key: string): Entry | undefined {
    const entry = this.model[index]?.get(key);
    const isExpired = entry !== undefined && entry.expireAtMs !== NO_EXPIRY && entry.expireAtMs < this.#now;
    return isExpired ? undefined : entry;
  }

  get #now(): number {
    return this.test.clock.nowMs();
  }

  #set(index: number, key: string): void {
    const text = "v".repeat(this.#random.below(this.#random.below(10) === 0 ? 3000 : 60));
    const choice = this.#random.below(3);
    const before = this.#live(index, key)?.expireAtMs ?? NO_EXPIRY;
    // Commands that keep the expiry time look the key up first.
    if (choice === 2) this.test.write(key, index);
    const expireAtMs = [NO_EXPIRY, this.#now + this.#random.below(5000), KEEP_TTL][choice] as number;
    this.test.set(key, text, expireAtMs, index);
    this.model[index]?.set(key, { text, expireAtMs: expireAtMs === KEEP_TTL ? before : expireAtMs });
  }

  #expire(index: number, key: string, entry: Entry | undefined): void {
    const record = this.test.write(key, index);
    agree(record !== 0, entry !== undefined);
    if (entry === undefined) return;
    if (this.#random.below(2) === 0) {
      entry.expireAtMs = this.#now + this.#random.below(5000);
      this.test.db(index).setExpire(record, entry.expireAtMs);
    } else {
      entry.expireAtMs = NO_EXPIRY;
      this.test.db(index).persist(record);
    }
  }

  #grow(index: number, key: string, entry: Entry | undefined): void {
    const db = this.test.db(index);
    const record = this.test.write(key, index);
    if (entry === undefined || db.typeOf(record) !== ValueType.string) return;
    const added = this.#random.below(100);
    db.growString(record, entry.text.length + added);
    entry.text += "\0".repeat(added);
  }

  #collection(index: number, key: string): void {
    const number = this.#random.below(1000);
    const bytes = Buffer.from(key);
    this.test.delete(key, index);
    const root = this.test.values.create(number);
    this.test.db(index).addCollection(bytes, 0, bytes.length, ValueType.set, Encoding.intset, root);
    this.model[index]?.set(key, { text: String(number), expireAtMs: NO_EXPIRY });
  }

  #rename(index: number, key: string, entry: Entry | undefined): void {
    const to = this.#key();
    if (this.test.write(key, index) === 0 || entry === undefined || to === key) return;
    const bytes = Buffer.from(key + to);
    agree(this.test.db(index).rename(bytes, 0, key.length, key.length, to.length), true);
    this.model[index]?.delete(key);
    this.model[index]?.set(to, entry);
  }

  #copyOrMove(index: number, key: string, entry: Entry | undefined): void {
    const other = 1 - index;
    const bytes = Buffer.from(key);
    this.test.delete(key, other);
    this.model[other]?.delete(key);
    const record = this.test.write(key, index);
    if (entry === undefined) return;
    if (this.#random.below(2) === 0) {
      this.test.db(index).copyTo(record, this.test.db(other), bytes, 0, bytes.length);
      this.model[other]?.set(key, { ...entry });
    } else {
      this.test.db(index).moveTo(this.test.db(other), bytes, 0, bytes.length);
      this.model[index]?.delete(key);
      this.model[other]?.set(key, entry);
    }
  }

  #time(index: number): void {
    const choice = this.#random.below(100);
    if (choice < 80) this.test.advance(this.#random.below(40));
    else if (choice < 96) this.test.keyspace.expiry.run(10);
    else if (choice < 97) {
      this.test.db(index).flush();
      this.model[index]?.clear();
    } else if (choice < 98) {
      this.test.keyspace.swap(0, 1);
      this.model.reverse();
    } else this.test.keyspace.reclaim(1);
  }
}

describe("Database", () => {
  it.each([1, 2, 3])("agrees with a Map under random commands, time and expiry (seed %i)", (seed) => {
    const twin = new Twin(seed);
    for (let step = 0; step < 30_000; step++) twin.step();
    twin.check();
    const { test } = twin;
    for (const key of test.keys(0)) test.delete(key, 0);
    for (const key of test.keys(1)) test.delete(key, 1);
    test.keyspace.reclaim(10);
    expect(test.keyspace.count).toBe(0);
    // Nothing is left but the two empty indexes.
    expect(test.keyspace.arena.usedBytes).toBe(test.keyspace.indexBytes);
  });

  it("overwrites a string of the same size class in place", () => {
    const test = new TestKeyspace();
    const first = test.set("key", "value-1");
    expect(test.set("key", "value-22")).toBe(first);
    expect(test.get("key")).toBe("value-22");
    expect(test.set("key", "v".repeat(500))).not.toBe(first);
  });

  it("names the encodings as Redis does", () => {
    const test = new TestKeyspace();
    const encodingOf = (value: string) => encodingName(test.db().encodingOf(test.set("key", value)));
    expect(encodingOf("1234567890")).toBe("int");
    expect(encodingOf("-9223372036854775808")).toBe("int");
    expect(encodingOf("9223372036854775807")).toBe("int");
    expect(encodingOf("9223372036854775808")).toBe("embstr");
    expect(encodingOf("007")).toBe("embstr");
    expect(encodingOf("-0")).toBe("embstr");
    expect(encodingOf("-")).toBe("embstr");
    expect(encodingOf("0")).toBe("int");
    expect(encodingOf("")).toBe("embstr");
    expect(encodingOf("x".repeat(44))).toBe("embstr");
    expect(encodingOf("x".repeat(45))).toBe("raw");
    expect(encodingName(test.db().encodingOf(test.db().growString(test.set("key", "12"), 3)))).toBe("raw");
  });

  it("counts hits and misses of reads only", () => {
    const test = new TestKeyspace();
    test.set("key", "value");
    test.get("key");
    test.get("absent");
    test.write("key");
    test.write("absent");
    test.db().peek(Buffer.from("key"), 0, 3);
    expect([test.keyspace.hits, test.keyspace.misses]).toEqual([1, 1]);
  });

  it("deletes an expired key when a primary meets it, and tells the listener", () => {
    const test = new TestKeyspace();
    test.set("key", "value", test.clock.nowMs() + 100);
    test.advance(100);
    expect(test.get("key")).toBe("value");
    test.advance(1);
    expect(test.get("key")).toBeUndefined();
    expect(test.expired).toEqual(["key"]);
    expect(test.db().count).toBe(0);
    expect(test.keyspace.expiredKeys).toBe(1);
    test.set("key", "value", test.clock.nowMs() + 100);
    test.advance(101);
    expect(test.delete("key")).toBe(false);
    expect(test.expired).toEqual(["key", "key"]);
  });

  it("hides an expired key on a replica, and keeps it until the primary deletes it", () => {
    const test = new TestKeyspace();
    test.keyspace.isReplica = true;
    test.set("key", "value", test.clock.nowMs() + 100);
    test.advance(101);
    expect(test.get("key")).toBeUndefined();
    expect(test.write("key")).toBe(0);
    expect(test.keyspace.expiry.run(10)).toBe(true);
    expect(test.db().count).toBe(1);
    expect(test.db().randomKey()).not.toBe(0);
    test.keyspace.ignoresExpiry = true;
    expect(test.write("key")).not.toBe(0);
    expect(test.delete("key")).toBe(true);
    expect(test.expired).toEqual([]);
  });

  it("gives the average time to live", () => {
    const test = new TestKeyspace();
    test.advance(5000);
    test.set("a", "value", test.clock.nowMs() + 1000);
    test.set("b", "value", test.clock.nowMs() + 3000);
    test.set("c", "value");
    expect(test.db().expiry.averageTtlMs).toBe(2000);
    test.delete("b");
    expect(test.db().expiry.averageTtlMs).toBe(1000);
  });

  it("frees a large flushed database in steps, while its records belong to nobody", () => {
    const test = new TestKeyspace();
    const empty = test.keyspace.arena.usedBytes;
    for (let i = 0; i < 5000; i++) test.set(`key:${i}`, "value");
    const record = test.write("key:7");
    expect(test.keyspace.databaseOf(record)).toBe(test.db());
    expect(test.db().flush()).toBe(5000);
    expect(test.db().count).toBe(0);
    expect(test.keyspace.databaseOf(record)).toBeUndefined();
    test.set("key:7", "new");
    expect(test.keyspace.reclaim(0)).toBe(false);
    while (!test.keyspace.reclaim(0));
    expect(test.get("key:7")).toBe("new");
    test.delete("key:7");
    expect(test.keyspace.arena.usedBytes).toBe(empty);
  });

  it("does not free a large flushed database at once because small ones are flushed after it", () => {
    const test = new TestKeyspace();
    for (let k = 0; k < 5000; k++) test.set(`key:${k}`, "v");
    test.keyspace.flushAll();
    expect(test.keyspace.waitingFrees).toBe(5000);
  });

  it("survives more flushes than there are ids", () => {
    const test = new TestKeyspace();
    for (let round = 0; round < 400; round++) {
      for (let i = 0; i < 600; i++) test.set(`key:${i}`, "value");
      test.db().flush();
    }
    expect(test.keyspace.count).toBe(0);
    expect(test.keyspace.arena.usedBytes).toBeLessThan(16 * 1024 * 1024);
  });

  it("grows a string with zeros and with slack", () => {
    const test = new TestKeyspace();
    let record = test.set("key", "ab");
    let moves = 0;
    for (let length = 3; length <= 20_000; length++) {
      const grown = test.db().growString(record, length);
      if (grown !== record) moves++;
      record = grown;
    }
    expect(moves).toBeLessThan(15);
    expect(test.get("key")).toBe(`ab${"\0".repeat(19_998)}`);
  });

  it("counts keys per slot and lists them in cluster mode", () => {
    const test = new TestKeyspace({ isClusterEnabled: true, databaseCount: 1 });
    for (let i = 0; i < 3000; i++) test.set(`{tag}:${i}`, "value", i % 2 === 0 ? NO_EXPIRY : test.clock.nowMs() + 10);
    test.set("other", "value");
    const slot = 8338;
    expect(test.keyspace.countInSlot(slot)).toBe(3000);
    expect(new Set(test.keyspace.keysInSlot(slot, 10).map(String)).size).toBe(10);
    expect(new Set(test.keyspace.keysInSlot(slot, 9999).map(String)).size).toBe(3000);
    for (let i = 0; i < 1000; i++) test.delete(`{tag}:${i * 2}`);
    test.advance(20);
    test.keyspace.expiry.run(100);
    expect(test.keyspace.countInSlot(slot)).toBe(500);
    test.db().flush();
    expect(test.keyspace.countInSlot(slot)).toBe(0);
    expect(test.keyspace.keysInSlot(slot, 10)).toEqual([]);
  });

  it("lists the keys of slots by one pass for many questions, while keys come, go and come again", () => {
    const test = new TestKeyspace({ isClusterEnabled: true, databaseCount: 1 });
    const passes = vi.spyOn(test.db(), "forEach");
    const random = createSeededRandom(7);
    const tags = ["a", "b", "c", "d"];
    const slots = tags.map((tag) => keySlot(Buffer.from(tag), 0, 1));
    const there = tags.map(() => new Set<string>());
    for (let step = 0; step < 40_000; step++) {
      const which = random.below(tags.length);
      const key = `{${tags[which]}}:${random.below(600)}`;
      const keys = there[which] as Set<string>;
      if (random.below(2) === 0) {
        test.set(key, "v".repeat(random.below(100)), random.below(3) === 0 ? test.clock.nowMs() + 1e6 : NO_EXPIRY);
        keys.add(key);
      } else if (keys.delete(key)) test.delete(key);
      if (step % 100 !== 0) continue;
      const slot = slots[which] as number;
      expect(test.keyspace.keysInSlot(slot, 10).filter((name) => keys.has(String(name)))).toHaveLength(
        Math.min(10, keys.size),
      );
      expect(test.keyspace.keysInSlot(slot, 1000).map(String).sort()).toEqual([...keys].sort());
    }
    expect(passes).toHaveBeenCalledTimes(1);
  });

  it("lists the keys of a slot anew once very many have come", () => {
    const test = new TestKeyspace({ isClusterEnabled: true, databaseCount: 1 });
    const slot = keySlot(Buffer.from("tag"), 0, 3);
    test.set("{tag}", "value", NO_EXPIRY);
    expect(test.keyspace.keysInSlot(slot, 10)).toHaveLength(1);
    expect(test.keyspace.slots?.listed).toBeDefined();
    for (let i = 0; i <= 100_001; i++) test.set(`key:${i}`, "value", NO_EXPIRY);
    expect(test.keyspace.slots?.listed).toBeUndefined();
    test.set("{tag}:2", "value", NO_EXPIRY);
    const names = test.keyspace.keysInSlot(slot, 1000).map(String);
    expect(names).toHaveLength(test.keyspace.countInSlot(slot));
    expect(names).toEqual(expect.arrayContaining(["{tag}", "{tag}:2"]));
  });

  it("visits every key of several slots once and no other, while the visit deletes them", () => {
    const test = new TestKeyspace({ isClusterEnabled: true, databaseCount: 1 });
    for (let i = 0; i < 5000; i++) for (const tag of ["tag", "foo", "bar"]) test.set(`{${tag}}:${i}`, "value");
    const visited: string[] = [];
    test.keyspace.visitKeysInSlots([8338, 12182, 7], (key) => {
      visited.push(key.toString());
      test.delete(key.toString());
    });
    expect(visited).toHaveLength(10_000);
    expect(new Set(visited).size).toBe(10_000);
    expect(visited.every((key) => !key.startsWith("{bar}"))).toBe(true);
    expect(test.keyspace.count).toBe(5000);
  });
});
