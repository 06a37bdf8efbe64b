/** Random commands on a few hashes, and time, beside a model of plain Maps: fields, values, moments, and who is listed. */

import { expect, test } from "vitest";
import { FakeClock } from "../platform/fake-clock.ts";
import { seedOf } from "../testing/differential.ts";
import { startOwnServerWith } from "../testing/own-server.ts";
import { ReferenceClient } from "../testing/reference-server.ts";
import { Script } from "../testing/script.ts";

const STEPS = 2500;
const KEYS = ["a", "b", "c"];
/** Between two runs of the active cycle: at these moments nothing that has expired is left. */
const CYCLE_MS = 100;

interface Field {
  value: string;
  expireAtMs: number;
}

type Hashes = Map<string, Map<string, Field>>;

class Model {
  readonly hashes: Hashes = new Map();

  hash(key: string): Map<string, Field> {
    return this.hashes.get(key) ?? new Map();
  }

  /** Runs the change on a hash, which comes and goes as it fills and empties. */
  edit(key: string, change: (fields: Map<string, Field>) => void): void {
    const fields = this.hash(key);
    change(fields);
    if (fields.size === 0) this.hashes.delete(key);
    else this.hashes.set(key, fields);
  }

  expire(nowMs: number): void {
    for (const key of [...this.hashes.keys()]) {
      this.edit(key, (fields) => {
        for (const [name, { expireAtMs }] of fields) if (expireAtMs !== 0 && expireAtMs < nowMs) fields.delete(name);
      });
    }
  }
}

/** One random command, and the same on the model; the words to send. */
function nextCommand(script: Script, model: Model, nowMs: number, range: number): string[] {
  const key = script.pick(KEYS);
  const name = (): string => `f${script.random.below(range)}`;
  const names = Array.from({ length: 1 + script.random.below(4) }, name);
  const at = nowMs + (script.once(6) ? -5 : 1 + script.random.below(2000));
  const value = script.once(2) ? String(script.random.below(1000)) : "v".repeat(script.random.below(90));
  const set = (fields: Map<string, Field>, field: string, expireAtMs: number): void => {
    fields.set(field, { value, expireAtMs });
  };
  switch (script.random.below(12)) {
    case 0:
    case 1:
    case 2:
      model.edit(key, (fields) => names.forEach((field) => void set(fields, field, 0)));
      return ["HSET", key, ...names.flatMap((field) => [field, value])];
    case 3:
    case 4:
      model.edit(key, (fields) => names.forEach((field) => void expireField(fields, field, at, nowMs)));
      return ["HPEXPIREAT", key, String(at), "FIELDS", String(names.length), ...names];
    case 5:
      model.edit(key, (fields) => names.forEach((field) => void persist(fields, field)));
      return ["HPERSIST", key, "FIELDS", String(names.length), ...names];
    case 6:
      model.edit(key, (fields) => names.forEach((field) => void fields.delete(field)));
      return [...(script.once(2) ? ["HDEL", key] : ["HGETDEL", key, "FIELDS", String(names.length)]), ...names];
    case 7:
      model.edit(key, (fields) =>
        names.forEach((field) => {
          if (at <= nowMs) fields.delete(field);
          else set(fields, field, at);
        }),
      );
      return ["HSETEX", key, "PXAT", String(at), "FIELDS", String(names.length), ...names.flatMap((f) => [f, value])];
    case 8:
      model.edit(key, (fields) =>
        names.forEach((field) => void set(fields, field, fields.get(field)?.expireAtMs ?? 0)),
      );
      return ["HSETEX", key, "KEEPTTL", "FIELDS", String(names.length), ...names.flatMap((f) => [f, value])];
    case 9:
      return moveHash(script, model, key);
    case 10:
      if (script.once(3)) model.hashes.delete(key);
      else return ["HGET", key, name()];
      return ["DEL", key];
    default:
      model.edit(key, (fields) => names.forEach((field) => void expireField(fields, field, at, nowMs)));
      return ["HGETEX", key, "PXAT", String(at), "FIELDS", String(names.length), ...names];
  }
}

function expireField(fields: Map<string, Field>, name: string, at: number, nowMs: number): void {
  const field = fields.get(name);
  if (field === undefined) return;
  if (at <= nowMs) fields.delete(name);
  else field.expireAtMs = at;
}

function persist(fields: Map<string, Field>, name: string): void {
  const field = fields.get(name);
  if (field !== undefined) field.expireAtMs = 0;
}

function moveHash(script: Script, model: Model, from: string): string[] {
  const to = script.pick(KEYS.filter((key) => key !== from));
  const fields = model.hashes.get(from);
  const isCopy = script.once(2);
  if (fields !== undefined) {
    model.hashes.set(to, new Map([...fields].map(([name, field]) => [name, { ...field }])));
    if (!isCopy) model.hashes.delete(from);
  }
  return isCopy ? ["COPY", from, to, "REPLACE"] : ["RENAME", from, to];
}

async function compare(client: ReferenceClient, model: Model, where: string): Promise<void> {
  for (const key of KEYS) {
    const fields = model.hash(key);
    const names = [...fields.keys()];
    const [all, times, length] = await client.send([
      ["HGETALL", key],
      names.length === 0 ? ["EXISTS", key] : ["HPEXPIRETIME", key, "FIELDS", String(names.length), ...names],
      ["HLEN", key],
    ]);
    const words = (all as Buffer[]).map((word) => word.toString("latin1"));
    const found = new Map(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1]] as const] : [])));
    expect(found, where).toEqual(new Map([...fields].map(([name, field]) => [name, field.value])));
    const expected = names.length === 0 ? 0 : names.map((name) => fields.get(name)?.expireAtMs || -1);
    expect(times, where).toEqual(expected);
    expect(length, where).toBe(fields.size);
  }
  const listed = [...model.hashes.values()].filter((fields) => [...fields.values()].some((field) => field.expireAtMs));
  const [info] = await client.send([["INFO", "keyspace"]]);
  expect(/subexpiry=(\d+)/.exec(String(info))?.[1] ?? "0", where).toBe(String(listed.length));
}

test.each([
  [4, 1],
  [40, 2],
  [2000, 3],
])("random commands and time, with up to %i fields a hash", async (range, fallback) => {
  const seed = seedOf(fallback);
  const script = new Script(seed);
  const clock = new FakeClock();
  const server = await startOwnServerWith(clock, "--enable-debug-command", "yes", "--hash-max-listpack-entries", "64");
  const client = await ReferenceClient.connect(server.port);
  const model = new Model();
  if (range > 1000) {
    const names = Array.from({ length: 300 }, (_, k) => `f${k}`);
    for (const key of KEYS) {
      model.edit(key, (fields) => names.forEach((name) => void fields.set(name, { value: "x", expireAtMs: 0 })));
      await client.send([["HSET", key, ...names.flatMap((name) => [name, "x"])]]);
    }
  }
  for (let step = 0; step < STEPS; step++) {
    const where = `seed ${seed} step ${step}`;
    await client.send([nextCommand(script, model, clock.nowMs(), range)]);
    if (script.once(10)) {
      clock.advance(CYCLE_MS * (1 + script.random.below(8)));
      model.expire(clock.nowMs());
    }
    if (script.once(400)) await client.send([["DEBUG", "RELOAD"]]);
    if (script.once(20)) await compare(client, model, where);
  }
  await compare(client, model, `seed ${seed} at the end`);
  client.close();
  await server.stop();
});
