/** MEMORY STATS beside redis-server: which fields, in which order, of which type; the values that do not measure memory. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const KEYS = 5;

interface Field {
  readonly name: string;
  readonly type: string;
  readonly value: string;
}

describe.runIf(hasReferenceServer)("MEMORY STATS beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  const statsOf = async (port: number): Promise<readonly Field[]> => {
    const client = await RawClient.connect(port);
    try {
      for (let key = 0; key < KEYS; key++) await client.text("SET", `key:${key}`, "value");
      return fieldsIn(await client.text("MEMORY", "STATS"));
    } finally {
      client.close();
    }
  };

  test("has the fields, in the order and of the types, and counts the same keys", async () => {
    const ours = await statsOf(pair.ports.ours);
    const theirs = await statsOf(pair.ports.reference);
    const shape = (fields: readonly Field[]) => fields.map(({ name, type }) => `${name} ${type}`);
    expect(shape(theirs).length).toBeGreaterThan(25);
    expect(shape(ours)).toEqual(shape(theirs));
    const keys = (fields: readonly Field[]) => fields.find(({ name }) => name === "keys.count")?.value;
    expect([keys(ours), keys(theirs)]).toEqual([String(KEYS), String(KEYS)]);
  });
});

/** The fields of the outermost array; one that is an array itself has the names within it as its type. */
function fieldsIn(reply: string): readonly Field[] {
  const lines = reply.split("\r\n");
  let at = 0;
  const element = (): Omit<Field, "name"> => {
    const head = lines[at++] ?? "";
    if (head.startsWith("*")) {
      const within = Array.from({ length: Number(head.slice(1)) }, element);
      return { type: `[${within.map(({ type, value }) => (type === "$" ? value : type)).join(" ")}]`, value: "" };
    }
    return head.startsWith("$")
      ? { type: "$", value: lines[at++] ?? "" }
      : { type: head.slice(0, 1), value: head.slice(1) };
  };
  const count = Number(lines[at++]?.slice(1)) / 2;
  return Array.from({ length: count }, () => ({ name: element().value, ...element() }));
}
