/** A snapshot of the keys of some cluster slots, as commands that make them anew on another node. */

import { commandForm } from "../persistence/aof/command-form.ts";
import type { SnapshotForm } from "../persistence/snapshot-form.ts";

/** Only the keys: libraries of functions are a node's, not a slot's, and in cluster mode there is one database. */
export function slotForm(slots: ReadonlySet<number>): SnapshotForm {
  return {
    ...commandForm,
    begin: () => undefined,
    select: () => undefined,
    wants: (records, record) => slots.has(records.slotOf(record)),
  };
}
