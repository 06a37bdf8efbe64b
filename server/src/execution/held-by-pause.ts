/** What waits while writes are held back: what would change data, and a transaction in which such a command is queued. */

import type { Call } from "../commands/call.ts";
import { ClientFlag } from "../commands/client.ts";
import { CommandBit } from "../commands/command-table.ts";
import { MAY_CHANGE } from "./guards.ts";
import { promisesNoWrites } from "./script-refusal.ts";

/** `name` is the full name of the command in the call, and `bits` its flags. */
export function isHeldByPause(call: Call, name: string, bits: number): boolean {
  const { client } = call;
  if ((client.flags & (ClientFlag.primary | ClientFlag.replica)) !== 0) return false;
  return mayChange(call, name, bits) || (name === "exec" && client.queuesChange);
}

export function mayChange(call: Call, name: string, bits: number): boolean {
  return (bits & CommandBit.mayWrite) === 0 ? (bits & MAY_CHANGE) !== 0 : !promisesNoWrites(call, name);
}
