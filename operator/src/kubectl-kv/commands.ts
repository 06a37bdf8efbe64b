/** The commands of the plugin, in the order in which help shows them. */

import type { CommandRow, Invocation } from "./arguments.ts";
import { BACKUP, runBackup } from "./backup-command.ts";
import { CONNECT, runConnect } from "./connect-command.ts";
import type { Context } from "./context.ts";
import { FAILOVER, runFailover } from "./failover-command.ts";
import { RESTART, runRestart } from "./restart-command.ts";
import { runStatus, STATUS } from "./status-command.ts";

export interface Command {
  readonly row: CommandRow;
  readonly run: (context: Context, invocation: Invocation) => Promise<void>;
}

export const COMMANDS: readonly Command[] = [
  { row: STATUS, run: runStatus },
  { row: FAILOVER, run: runFailover },
  { row: BACKUP, run: runBackup },
  { row: RESTART, run: runRestart },
  { row: CONNECT, run: runConnect },
];
