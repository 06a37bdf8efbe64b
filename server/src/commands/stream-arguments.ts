/** Registers that the commands of streams read their arguments into: one set for the server, so that XADD allocates nothing. */

import { Int64 } from "../memory/int64.ts";
import { StreamId } from "../memory/stream-id.ts";
import { StreamIdReader } from "./stream-ids.ts";
import { TrimArguments } from "./stream-trimming.ts";

export class StreamArguments {
  readonly reader = new StreamIdReader();
  readonly trim = new TrimArguments(this.reader);
  readonly id = new StreamId();
  readonly start = new StreamId();
  readonly end = new StreamId();
  readonly integer = new Int64();
}
