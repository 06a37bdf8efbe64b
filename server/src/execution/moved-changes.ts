/**
 * The part of the stream of changes that concerns slots on their way to another node: of each command its keys are looked up, and
 * with them its slot. Costs nothing while no slot moves.
 */

import { keySlot } from "@kvcluster/protocol/slots";
import type { Call } from "../commands/call.ts";
import type { CommandTable } from "../commands/command-table.ts";
import type { ChangeListener } from "../slot-migration/server-slot-migrations.ts";
import type { RequestSource } from "./dispatcher-ports.ts";
import type { CommandFeed } from "./propagation.ts";
import { requestKeys } from "./slot-router.ts";

export interface MovedChangesParts {
  readonly table: CommandTable;
  readonly parser: RequestSource;
  /** One of its own: changes are told in the middle of commands. */
  readonly call: () => Call;
}

export class MovedChanges implements CommandFeed {
  readonly listeners = new Set<ChangeListener>();
  readonly offset = undefined;
  readonly #parts: MovedChangesParts;

  constructor(parts: MovedChangesParts) {
    this.#parts = parts;
  }

  get active(): boolean {
    return this.listeners.size > 0;
  }

  feed(_databaseIndex: number, bytes: Buffer, start: number, end: number): void {
    const slots = this.#slotsOf(bytes, start, end);
    if (slots.size === 0) return;
    for (const listener of this.listeners) {
      const moved = [...slots].filter((slot) => listener.slots.has(slot));
      if (moved.length === 0) continue;
      if (moved.length === slots.size) listener.change(bytes, start, end);
      else listener.fail("A script has changed keys of several slots in one command");
    }
  }

  #slotsOf(bytes: Buffer, start: number, end: number): Set<number> {
    const { parser, table } = this.#parts;
    const call = this.#parts.call();
    parser.parse(bytes, start, end, call, true);
    const slots = new Set<number>();
    for (const argument of requestKeys(table, table.requested(call), call)) {
      slots.add(keySlot(call.buffer, call.offset[argument] as number, call.length[argument] as number));
    }
    return slots;
  }
}
