/** Clients in MONITOR mode, and the line each command gives them. */

import type { Call } from "../commands/call.ts";
import { type Client, ClientFlag } from "../commands/client.ts";
import { CommandBit } from "../commands/command-table.ts";
import { REDACTED, secretArguments } from "../commands/secret-arguments.ts";
import type { Clock } from "../platform/clock.ts";

const PRINTABLE_FROM = 0x20;
const PRINTABLE_TO = 0x7e;
const ESCAPES: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

/** Commands that monitors are not shown. */
const HIDDEN = CommandBit.admin | CommandBit.skipMonitor;

export class Monitors {
  readonly #clients = new Set<Client>();
  readonly #clock: Clock;

  /** A plain field: the dispatcher asks after each command. */
  count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(client: Client): void {
    this.#clients.add(client);
    this.count = this.#clients.size;
    client.set(ClientFlag.monitor, true);
  }

  remove(client: Client): void {
    this.#clients.delete(client);
    this.count = this.#clients.size;
    client.set(ClientFlag.monitor, false);
  }

  /** Shows a command that has just run to all monitors; to its own client behind its reply. */
  show(call: Call): void {
    if (((call.server.table.flags[call.command] as number) & HIDDEN) === 0) this.announce(call);
  }

  /** The same before it runs, for scripts: what they call is to stand behind them. */
  announce(call: Call): void {
    if (this.count === 0) return;
    const { table } = call.server;
    const nowUs = this.#clock.nowUs();
    const isSecret = secretArguments(call, table.fullNames[call.command] as string);
    let line = `+${(nowUs / 1e6).toFixed(6)} [${call.client.databaseIndex} ${call.client.address}]`;
    for (let i = 0; i < call.argc; i++) line += isSecret(i) ? ` "${REDACTED}"` : ` ${quoted(call, i)}`;
    const bytes = Buffer.from(`${line}\r\n`, "latin1");
    for (const client of this.#clients) {
      if (client === call.client) call.reply.raw(bytes);
      else client.connection.send(bytes);
    }
  }
}

function quoted(call: Call, index: number): string {
  const start = call.offset[index] as number;
  const end = start + (call.length[index] as number);
  let text = '"';
  for (let i = start; i < end; i++) {
    const byte = call.buffer[i] as number;
    const escaped = ESCAPES[byte];
    if (escaped !== undefined) text += escaped;
    else if (byte >= PRINTABLE_FROM && byte <= PRINTABLE_TO) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `${text}"`;
}
