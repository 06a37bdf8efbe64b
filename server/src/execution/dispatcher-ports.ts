/** What the dispatcher is given: where requests come from, and who sees commands run. */

import type { Call } from "../commands/call.ts";
import type { Client } from "../commands/client.ts";

/** Takes one request out of the bytes and fills the call; the network layer's parser. */
export interface RequestSource {
  parse(buffer: Buffer, position: number, end: number, call: Call, authenticated: boolean): number;
  readonly error: string;
  /** After an incomplete request: position up to which bytes are surely needed, 0 if not known. */
  readonly needed: number;
}

/** Sees commands run: slow log, MONITOR. */
export interface CommandObserver {
  /** Commands that took at least so many microseconds are reported; negative: none. */
  readonly slowerThanUs: number;
  slow(call: Call, microseconds: number): void;
  /** An error reply was given: for the statistics of errors. */
  failed(text: string): void;
  /** Unless there are none, `ran` wants every command. A plain field behind a plain field: asked after each. */
  readonly monitors: { readonly count: number };
  ran(call: Call): void;
  /** A client sent HTTP, which no client of ours does by itself. */
  attacked(client: Client): void;
  /** An unexpected exception in a command: a fault of ours, logged loudly; the client gets an error, the others go on. */
  fault(call: Call, error: unknown): void;
}
