/** Whether the client's user may run the command in the call. A refusal goes into ACL LOG and is answered in Redis' words. */

import type { AccessContext } from "../access-control/access-log.ts";
import { type Denial, type DenialKind, denialOf } from "../access-control/permissions.ts";
import type { Call } from "../commands/call.ts";
import { ClientFlag } from "../commands/client.ts";
import { recordDenial } from "../commands/client-users.ts";
import { CommandBit } from "../commands/command-table.ts";
import { ERRORS, noPermissionFor } from "../commands/errors.ts";
import { RequestedAccess } from "../commands/requested-access.ts";

/** Of a key or channel that was refused, ACL LOG shows at most so many bytes: it must not keep what clients send. */
const LOGGED_BYTES = 4096;

export function permissionError(call: Call, id: number): string | undefined {
  const { client, server } = call;
  if (isPermittedAtOnce(call, id)) return undefined;
  // What cannot be queued is refused for that.
  if (client.has(ClientFlag.multi) && ((server.table.flags[id] as number) & CommandBit.noMulti) !== 0) return undefined;
  call.command = id;
  const denial = recordedDenial(call, id, client.has(ClientFlag.multi) ? "multi" : "toplevel");
  if (denial === undefined) return undefined;
  if (denial.kind === "command") return noPermissionFor(server.table.fullNames[id] as string);
  return denial.kind === "key" ? ERRORS.noPermissionForKey : ERRORS.noPermissionForChannel;
}

/** What the first selector allows whatever its arguments are: one look, and nothing is made for it. */
function isPermittedAtOnce({ client, server }: Call, id: number): boolean {
  const { user } = client;
  if (user === undefined) return true;
  const bits = server.table.flags[id] as number;
  const selector = user.selectors[0];
  if (!selector.hasCommand(id) || (!selector.allowsAllKeys && (bits & CommandBit.hasKeys) !== 0)) return false;
  return selector.allowsAllChannels || (bits & CommandBit.pubsub) === 0;
}

/** For a command that a script runs; the client in the call is the one that runs the script. */
export function permissionErrorInScript(call: Call, id: number): string | undefined {
  const denial = recordedDenial(call, id, "lua");
  return denial === undefined ? undefined : `ERR The user executing the script can't ${SCRIPT_REASONS[denial.kind]}`;
}

/** The same question without a trace. */
export function isPermitted(call: Call, id: number): boolean {
  const { client } = call;
  if (!client.has(ClientFlag.restricted) || client.user === undefined) return true;
  return denialOf(client.user, new RequestedAccess(call, id)) === undefined;
}

const SCRIPT_REASONS: Readonly<Record<DenialKind, string>> = {
  command: "run this command or subcommand",
  key: "access at least one of the keys mentioned in the command arguments",
  channel: "publish to the channel mentioned in the command",
  auth: "run this command",
};

const REASONS: Readonly<Record<DenialKind, string>> = {
  command: "no permission to execute the command or subcommand",
  key: "no permission to touch the specified keys",
  channel: "no permission to access one of the channels used as arguments",
  auth: "no permission",
};

/** For a command that was permitted when it was queued. */
export function permissionErrorInExec(call: Call, id: number): string | undefined {
  // The log tells what the client was running.
  call.command = call.server.table.idOf("exec");
  const denial = recordedDenial(call, id, "multi");
  return denial === undefined
    ? undefined
    : `NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: ${REASONS[denial.kind]}`;
}

function recordedDenial(call: Call, id: number, context: AccessContext): Denial | undefined {
  const { client, server } = call;
  if (!client.has(ClientFlag.restricted) || client.user === undefined) return undefined;
  const denial = denialOf(client.user, new RequestedAccess(call, id));
  if (denial === undefined) return undefined;
  const object = denial.kind === "command" ? (server.table.fullNames[id] as string) : shown(call, denial.argument);
  recordDenial(call, { kind: denial.kind, context, object, userName: client.user.name });
  return denial;
}

function shown({ buffer, offset, length }: Call, argument: number): string {
  const start = offset[argument] as number;
  return buffer.toString("latin1", start, start + Math.min(length[argument] as number, LOGGED_BYTES));
}
