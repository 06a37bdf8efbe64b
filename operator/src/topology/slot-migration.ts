/**
 * Reads the reply of CLUSTER GETSLOTMIGRATIONS (Valkey 9): one entry a migration, each a list of names and values. A node
 * tells of those it takes part in, the ended ones too, until it restarts: what matters is which one is under way.
 */

import { parseRange, type SlotRange } from "./slot-range.ts";

export interface SlotMigration {
  readonly name: string;
  /** What the node that was asked does. */
  readonly operation: "import" | "export";
  readonly ranges: readonly SlotRange[];
  readonly targetId: string;
  readonly state: string;
  /** Why it failed, if it did. */
  readonly message: string;
  readonly isUnderWay: boolean;
}

/** Any other state is one on the way to these. */
const ENDED: readonly string[] = ["success", "failed", "cancelled", "canceled"];

export function parseSlotMigrations(reply: unknown): readonly SlotMigration[] {
  if (!Array.isArray(reply)) throw new Error("Failed to read CLUSTER GETSLOTMIGRATIONS: the reply is no list");
  return reply.map(parseMigration);
}

function parseMigration(entry: unknown): SlotMigration {
  const fields = fieldsOf(entry);
  const text = (name: string): string => fields.get(name) ?? "";
  const state = text("state");
  return {
    name: text("name"),
    operation: text("operation").toLowerCase() === "import" ? "import" : "export",
    ranges: text("slot_ranges").split(/[ ,]+/).filter(Boolean).map(parseRange),
    targetId: text("target_node"),
    state,
    message: text("message"),
    isUnderWay: !ENDED.includes(state),
  };
}

function fieldsOf(entry: unknown): ReadonlyMap<string, string> {
  if (!Array.isArray(entry)) throw new Error("Failed to read CLUSTER GETSLOTMIGRATIONS: an entry is no list");
  const fields = new Map<string, string>();
  for (let index = 0; index + 1 < entry.length; index += 2) fields.set(String(entry[index]), String(entry[index + 1]));
  return fields;
}
