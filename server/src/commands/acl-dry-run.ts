/** ACL DRYRUN: the question that the dispatcher asks before each command, without the command. */

import { denialOf } from "../access-control/permissions.ts";
import type { Call } from "./call.ts";
import { CommandError, cString, wrongArity } from "./errors.ts";
import { RequestedAccess } from "./requested-access.ts";

const INNER_START = 3;

export function dryRun(call: Call): void {
  const { accessControl, table } = call.server;
  const user = accessControl.get(call.text(2));
  if (user === undefined) throw new CommandError(`ERR User '${cString(call.text(2))}' not found`);
  const given = call.text(INNER_START);
  const { argc, offset, length } = call;
  Object.assign(call, {
    argc: argc - INNER_START,
    offset: offset.subarray(INNER_START),
    length: length.subarray(INNER_START),
  });
  let verdict: string | undefined;
  try {
    const id = table.requested(call);
    if (id === 0) throw new CommandError(`ERR Command '${cString(given)}' not found`);
    const arity = table.arity[id] as number;
    const name = table.fullNames[id] as string;
    if (arity > 0 ? call.argc !== arity : call.argc < -arity) throw new CommandError(wrongArity(name));
    const denial = denialOf(user, new RequestedAccess(call, id));
    if (denial?.kind === "command") verdict = `This user has no permissions to run the '${name}' command`;
    else if (denial !== undefined) {
      verdict = `This user has no permissions to access the '${cString(call.text(denial.argument))}' ${denial.kind}`;
    }
  } finally {
    Object.assign(call, { argc, offset, length });
  }
  if (verdict === undefined) call.reply.ok();
  else call.reply.bulkBuffer(Buffer.from(verdict, "latin1"));
}
