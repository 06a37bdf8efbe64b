/**
 * Whether two servers hold the same data: one DEBUG DIGEST of each says so for the whole keyspace, content and presence of
 * expiry times, whatever the encodings and orders. Where they differ, the keys that do are named.
 */

import type { RespValue } from "@kvcluster/protocol/resp-decoder";
import { ReferenceClient } from "./reference-server.ts";

const SHOWN_KEYS = 10;

export interface ComparedPorts {
  readonly ours: number;
  readonly reference: number;
}

/** Undefined if both servers hold the same; else what differs, in words. Both must allow DEBUG. */
export async function keyspaceDifference(ports: ComparedPorts, databases = 16): Promise<string | undefined> {
  const clients = await Promise.all([ReferenceClient.connect(ports.ours), ReferenceClient.connect(ports.reference)]);
  try {
    const [ours, reference] = await Promise.all(clients.map((client) => client.send([["DEBUG", "DIGEST"]])));
    if (String(ours?.[0]) === String(reference?.[0])) return undefined;
    const lines: string[] = [];
    for (let index = 0; index < databases; index++) {
      const [own, expected] = await Promise.all(clients.map((client) => digestsOf(client, index)));
      lines.push(...differences(index, own ?? new Map(), expected ?? new Map()));
    }
    return `DEBUG DIGEST is ${String(ours?.[0])}, of the reference ${String(reference?.[0])}:\n${lines.join("\n")}`;
  } finally {
    for (const client of clients) client.close();
  }
}

async function digestsOf(client: ReferenceClient, database: number): Promise<Map<string, string>> {
  const replies = await client.send([
    ["SELECT", database],
    ["KEYS", "*"],
  ]);
  const keys = (replies[1] ?? []) as RespValue[];
  const digests = await client.send(keys.map((key) => ["DEBUG", "DIGEST-VALUE", key as Buffer]));
  return new Map(keys.map((key, index) => [Buffer.from(key as Buffer).toString("latin1"), String(digests[index])]));
}

function differences(database: number, ours: Map<string, string>, reference: Map<string, string>): string[] {
  const names = new Set([...ours.keys(), ...reference.keys()]);
  const different = [...names].filter((name) => ours.get(name) !== reference.get(name));
  return different.slice(0, SHOWN_KEYS).map((name) => {
    const shown = `${database}:${JSON.stringify(name)}`;
    return `  ${shown} ${ours.get(name) ?? "absent"}, of the reference ${reference.get(name) ?? "absent"}`;
  });
}
