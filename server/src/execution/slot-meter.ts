/**
 * Measures what a request costs and books it on the slot of its keys, while `cluster-slot-stats-enabled` is on. As in
 * Valkey: a transaction is booked whole, on the slot of its keys; a script on the slot of the keys it was given; what goes to
 * replicas counts as going out, once for each.
 */

import type { SlotUse } from "../cluster/slot-use.ts";
import type { Call } from "../commands/call.ts";
import { ClientFlag } from "../commands/client.ts";
import type { CommandTable } from "../commands/command-table.ts";
import type { Clock } from "../platform/clock.ts";
import type { Propagator } from "./propagation.ts";
import { requestSlot } from "./slot-router.ts";

const MULTI_BYTES = "*1\r\n$5\r\nmulti\r\n".length;

export interface SlotMeterParts {
  readonly table: CommandTable;
  readonly clock: Clock;
  readonly propagator: Propagator;
  readonly use: SlotUse;
}

/** A request that is being run. */
export interface Metered {
  readonly slot: number;
  readonly bytesIn: number;
  readonly startedUs: number;
  readonly replyStart: number;
  readonly streamStart: number;
}

export class SlotMeter {
  readonly #parts: SlotMeterParts;

  constructor(parts: SlotMeterParts) {
    this.#parts = parts;
  }

  get isOn(): boolean {
    return this.#parts.use.isOn;
  }

  /** A request was not run: put into a transaction, perhaps. `start` −1: it came inline. */
  queued(call: Call, id: number, start: number, end: number): void {
    const { table, use } = this.#parts;
    const isQueueing = call.client.has(ClientFlag.multi) && !call.client.has(ClientFlag.transactionFailed);
    if (!isQueueing) return;
    const slot = requestSlot(table, id, call);
    if (slot >= 0) use.add(slot, { cpuUs: 0, bytesIn: sizeOf(call, start, end), bytesOut: 0 });
  }

  /** `isAgain`: a client waited in it, so it has come in before. Undefined if it is about no slot. */
  begin(
    call: Call,
    id: number,
    frame: { readonly start: number; readonly end: number; readonly isAgain: boolean },
  ): Metered | undefined {
    const { table, clock, propagator } = this.#parts;
    const isTransaction = table.fullNames[id] === "exec";
    const slot = isTransaction ? this.#slotOfTransaction(call) : requestSlot(table, id, call);
    if (slot < 0) return undefined;
    const bytesIn = frame.isAgain ? 0 : sizeOf(call, frame.start, frame.end) + (isTransaction ? MULTI_BYTES : 0);
    const [startedUs, replyStart] = [clock.monotonicUs(), call.reply.position];
    return { slot, bytesIn, startedUs, replyStart, streamStart: propagator.offset };
  }

  end(call: Call, { slot, bytesIn, startedUs, replyStart, streamStart }: Metered): void {
    const { clock, propagator, use } = this.#parts;
    const cpuUs = clock.monotonicUs() - startedUs;
    const streamed = propagator.offset - streamStart;
    const toReplicas = streamed === 0 ? 0 : streamed * call.server.replication.replicas.sessions.length;
    // What a command has sent to its own client as a message is among its reply; a suppressed reply leaves nothing.
    const bytesOut = Math.max(0, call.reply.position - replyStart) + toReplicas;
    use.add(slot, { cpuUs, bytesIn, bytesOut });
  }

  /** All that is queued has one slot, or EXEC is refused. */
  #slotOfTransaction(call: Call): number {
    const { buffer, argc, offset, length } = call;
    let slot = -1;
    for (const command of call.client.queued ?? []) {
      Object.assign(call, command);
      slot = requestSlot(this.#parts.table, command.command, call);
      if (slot >= 0) break;
    }
    Object.assign(call, { buffer, argc, offset, length });
    return slot;
  }
}

/** Of a request without a frame in the buffer: its words, spaces between them and the end of the line. */
function sizeOf(call: Call, start: number, end: number): number {
  if (start >= 0) return end - start;
  let size = call.argc + 1;
  for (let i = 0; i < call.argc; i++) size += call.length[i] as number;
  return size;
}
