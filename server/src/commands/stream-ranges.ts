/** XRANGE and XREVRANGE. */

import { integerArgument } from "./arguments.ts";
import type { Call } from "./call.ts";
import { defineCommands, oneKey } from "./command.ts";
import { CommandError, ERRORS } from "./errors.ts";
import { openStream, replyEntries } from "./stream-access.ts";

export const streamRangeCommands = defineCommands([
  {
    name: "xrange",
    arity: -4,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "stream",
    since: "5.0.0",
    complexity: "O(N) in the number of entries given",
    summary: "Gives the entries with ids in a range.",
    syntax: "key start:string end:string [COUNT count]",
    run: (call) => range(call, 2, 3, false),
  },
  {
    name: "xrevrange",
    arity: -4,
    flags: ["readonly"],
    keys: oneKey("RO", "access"),
    group: "stream",
    since: "5.0.0",
    complexity: "O(N) in the number of entries given",
    summary: "Gives the entries with ids in a range, the last one first.",
    syntax: "key end:string start:string [COUNT count]",
    run: (call) => range(call, 3, 2, true),
  },
]);

function range(call: Call, startAt: number, endAt: number, isReverse: boolean): void {
  const { reader, start, end } = call.server.streamArguments;
  reader.readStart(call, startAt, start);
  reader.readEnd(call, endAt, end);
  let count: number | undefined;
  for (let at = 4; at < call.argc; at += 2) {
    if (at + 1 >= call.argc || !call.is(at, "count")) throw new CommandError(ERRORS.syntax);
    count = Math.max(0, integerArgument(call, at + 1));
  }
  if (!openStream(call, 1)) {
    call.reply.array(0);
    return;
  }
  if (count === 0) {
    call.reply.nilArray();
    return;
  }
  const { stream } = call.server.collections;
  stream.seek(start, end, isReverse);
  replyEntries(call, stream, count ?? 0);
}
