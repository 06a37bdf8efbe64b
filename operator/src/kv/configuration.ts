/** Directives of a running server: CONFIG GET and CONFIG SET. */

import type { NodeConnection } from "./node-connection.ts";
import { refusalOf } from "./refusal.ts";

export async function readConfiguration(
  connection: NodeConnection,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const reply = await connection.command("CONFIG", "GET", ...names);
  if (!Array.isArray(reply)) throw new Error("Failed to read configuration: CONFIG GET answered with no list");
  const pairs = new Map<string, string>();
  for (let index = 0; index + 1 < reply.length; index += 2) pairs.set(String(reply[index]), String(reply[index + 1]));
  return pairs;
}

const REFUSAL = /CONFIG SET failed.* - (.*)$|(Unknown option.*)$/;

export type DirectivePairs = readonly (readonly [name: string, value: string])[];

/** All at once or none. The server's reason when it does not take them; the values themselves are in no message. */
export function setDirectives(connection: NodeConnection, pairs: DirectivePairs): Promise<string | undefined> {
  return refusalOf(connection.command("CONFIG", "SET", ...pairs.flat()), REFUSAL);
}
