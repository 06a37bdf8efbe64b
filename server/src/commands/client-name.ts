/** Names that clients give themselves: printable, without spaces, so that CLIENT LIST stays one line a client. */

import { CommandError } from "./errors.ts";

const PRINTABLE = /^[!-~]*$/;

export function checkClientName(name: string): string {
  if (!PRINTABLE.test(name)) {
    throw new CommandError("ERR Client names cannot contain spaces, newlines or special characters.");
  }
  return name;
}

/** `lib-name` and `lib-ver` of CLIENT SETINFO. */
export function checkClientInfo(attribute: string, value: string): string {
  if (!PRINTABLE.test(value)) {
    throw new CommandError(`ERR ${attribute} cannot contain spaces, newlines or special characters.`);
  }
  return value;
}
