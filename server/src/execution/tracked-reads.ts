/**
 * The end of a command as client-side caching sees it: the keys that it has read are remembered, and the client is told of
 * what it has changed itself. Of scripts the commands inside count, for the client that runs them.
 */

import type { Call } from "../commands/call.ts";
import { type Client, ClientFlag } from "../commands/client.ts";
import { CommandBit, type CommandTable } from "../commands/command-table.ts";
import { keyPositions } from "../commands/key-positions.ts";
import type { ClientTracking } from "../tracking/client-tracking.ts";

export class TrackedReads {
  readonly #table: CommandTable;
  readonly #tracking: ClientTracking;
  /** CLIENT with its subcommands: CLIENT CACHING holds for what comes behind them. */
  readonly #isOfClient: Uint8Array;
  readonly #runsOthers: Uint8Array;

  constructor(table: CommandTable, tracking: ClientTracking) {
    this.#table = table;
    this.#tracking = tracking;
    this.#isOfClient = table.marked((name) => name.startsWith("client|"));
    this.#runsOthers = table.marked((name) => /^(eval|evalsha|fcall)_ro$/.test(name));
  }

  /** To be called behind every command of a client that tracks, and of the scripts that it runs. */
  commandEnded(call: Call, id: number, current: Client | undefined): void {
    const { client } = call;
    const reader = client.has(ClientFlag.script) ? current : client;
    if (reader === undefined) return;
    const isRead = ((this.#table.flags[id] as number) & CommandBit.readonly) !== 0 && this.#runsOthers[id] === 0;
    if (isRead && this.#tracking.remembers(reader)) this.#remember(call, id, reader);
    if (client !== current || client.has(ClientFlag.inExec)) return;
    this.#tracking.commandEnded(client);
    const { tracking } = client;
    if (tracking !== undefined && this.#isOfClient[id] === 0 && !client.has(ClientFlag.multi)) {
      tracking.isCachingAsked = false;
    }
  }

  #remember(call: Call, id: number, reader: Client): void {
    const row = this.#table.rows[id];
    if (row === undefined) return;
    for (const { argument } of keyPositions(row, call)) {
      this.#tracking.read(reader, call.buffer, call.offset[argument] as number, call.length[argument] as number);
    }
  }
}
