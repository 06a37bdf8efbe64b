/** Users of a running server: ACL LIST, SETUSER and DELUSER. */

import type { NodeConnection } from "./node-connection.ts";
import { refusalOf } from "./refusal.ts";

const LINE = /^user ([^ ]+) /;

/** What it says of each user, by name. */
export async function readUsers(connection: NodeConnection): Promise<ReadonlyMap<string, string>> {
  const reply = await connection.command("ACL", "LIST");
  if (!Array.isArray(reply)) throw new Error("Failed to read users: ACL LIST answered with no list");
  return new Map(
    reply.map(String).flatMap((line): [string, string][] => {
      const [, name] = LINE.exec(line) ?? [];
      return name === undefined ? [] : [[name, line]];
    }),
  );
}

const REFUSAL = /Error in ACL SETUSER modifier (.*)$/;

/** Makes the user what the words say and nothing else, at once. Returns the server's reason when it does not take them. */
export function setUser(
  connection: NodeConnection,
  name: string,
  words: readonly string[],
): Promise<string | undefined> {
  return refusalOf(connection.command("ACL", "SETUSER", name, "reset", ...words), REFUSAL);
}

export async function deleteUser(connection: NodeConnection, name: string): Promise<void> {
  await connection.command("ACL", "DELUSER", name);
}
