/**
 * Requests that would change a large value while a snapshot has yet to write it: they stay unread in their connections until
 * it is written, which happens next, in pieces. Everybody else goes on. What cannot wait (scripts that did not name their
 * keys, expiry, links of replication) has the value written whole first, by the arena's own hook.
 */

import type { Call } from "../commands/call.ts";
import { ClientFlag, type QueuedCommand } from "../commands/client.ts";
import type { CommandTable } from "../commands/command-table.ts";
import type { Handle } from "../memory/arena-layout.ts";
import { MAY_CHANGE } from "./guards.ts";
import { requestKeys } from "./slot-router.ts";

export class SnapshotWait {
  readonly #table: CommandTable;
  readonly #holds: (record: Handle) => boolean;

  /** `holds`: whether changing the value of this record has to wait. */
  constructor(table: CommandTable, holds: (record: Handle) => boolean) {
    this.#table = table;
    this.#holds = holds;
  }

  /** Whether the request in the call has to wait. */
  applies(call: Call, id: number): boolean {
    const { client } = call;
    if ((client.flags & (ClientFlag.primary | ClientFlag.replica)) !== 0) return false;
    if ((client.flags & ClientFlag.multi) === 0) return this.#changesHeldKey(call, id);
    if (this.#table.fullNames[id] !== "exec") return false;
    return client.queued?.some((command) => this.#queuedApplies(call, command)) === true;
  }

  #queuedApplies(call: Call, queued: QueuedCommand): boolean {
    const { buffer, argc, offset, length } = call;
    Object.assign(call, queued);
    const applies = this.#changesHeldKey(call, queued.command);
    Object.assign(call, { buffer, argc, offset, length });
    return applies;
  }

  #changesHeldKey(call: Call, id: number): boolean {
    if (((this.#table.flags[id] as number) & MAY_CHANGE) === 0) return false;
    for (const argument of requestKeys(this.#table, id, call)) {
      const record = call.db.peek(call.buffer, call.offset[argument] as number, call.length[argument] as number);
      if (record !== 0 && this.#holds(record)) return true;
    }
    return false;
  }
}
