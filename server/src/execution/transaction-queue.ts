/** Commands between MULTI and EXEC: copied, since the bytes they came in are gone when they run. */

import type { Call } from "../commands/call.ts";
import { ClientFlag, type QueuedCommand } from "../commands/client.ts";
import { QUEUED_COMMAND_BYTES } from "../commands/client-memory.ts";
import { CommandBit } from "../commands/command-table.ts";
import { mayChange } from "./held-by-pause.ts";

/** Where an argument lies, and how long it is. */
const ARGUMENT_BYTES = 8;
/** What a client in MULTI may send that runs at once. */
const RUN_AT_ONCE: ReadonlySet<string> = new Set(["exec", "discard", "multi", "watch", "quit", "reset"]);

/** Queues the call; false if it is to run now in spite of the transaction. */
export function queueCommand(call: Call, id: number, bits: number, fullName: string): boolean {
  if (RUN_AT_ONCE.has(fullName)) return false;
  const client = call.client;
  // In a stream one command that fails, once it runs, is better than a transaction that is left out.
  if ((bits & CommandBit.noMulti) !== 0 && !client.has(ClientFlag.primary)) {
    client.flags |= ClientFlag.transactionFailed;
    call.reply.error(`ERR Command not allowed inside a transaction`);
    return true;
  }
  client.queued ??= [];
  const copy = copyOf(call, id);
  client.queued.push(copy);
  client.queuesChange ||= mayChange(call, fullName, bits);
  client.queuedBytes += QUEUED_COMMAND_BYTES + copy.buffer.length + copy.argc * ARGUMENT_BYTES;
  call.reply.status("QUEUED");
  return true;
}

/** A copy of the request in the call, which outlives it. */
export function copyOf(call: Call, id: number): QueuedCommand {
  const { argc } = call;
  const offset = new Int32Array(argc);
  const length = new Int32Array(argc);
  let total = 0;
  for (let i = 0; i < argc; i++) total += call.length[i] as number;
  const buffer = Buffer.allocUnsafeSlow(total);
  let position = 0;
  for (let i = 0; i < argc; i++) {
    const size = call.length[i] as number;
    const start = call.offset[i] as number;
    call.buffer.copy(buffer, position, start, start + size);
    offset[i] = position;
    length[i] = size;
    position += size;
  }
  return { command: id, buffer, argc, offset, length };
}
