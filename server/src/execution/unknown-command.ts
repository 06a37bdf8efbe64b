/** The error for a request whose command there is not, with the first of its arguments. */

import type { Call } from "../commands/call.ts";
import { unknownCommand } from "../commands/errors.ts";

/** Even empty ones, each quoted and with a space, fill the 128 bytes that the error shows. */
const QUOTED_ARGUMENTS = 43;

export function unknownCommandIn(call: Call): string {
  const args: string[] = [];
  for (let i = 1; i < call.argc && i <= QUOTED_ARGUMENTS; i++) args.push(call.text(i));
  return unknownCommand(call.text(0), args);
}
