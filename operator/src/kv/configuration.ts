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

/** The server's reason when it does not take the value; the value itself is in no message. */
export function setDirective(connection: NodeConnection, name: string, value: string): Promise<string | undefined> {
  return refusalOf(connection.command("CONFIG", "SET", name, value), REFUSAL);
}
