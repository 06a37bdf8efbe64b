/** Which arguments of a request are secrets: they must not show in the slow log, to MONITOR or in a log line. */

import { findDirective } from "../config/config.ts";
import type { Call } from "./call.ts";

export const REDACTED = "(redacted)";

const SECRET_DIRECTIVES: ReadonlySet<string> = new Set([
  "requirepass",
  "masterauth",
  "masteruser",
  "tls-key-file-pass",
  "tls-client-key-file-pass",
]);

/** Names of users and their rules, passwords among them. */
const HIDES_USERS: ReadonlySet<string> = new Set(["acl|setuser", "acl|deluser", "acl|getuser"]);

/** Tells for each argument of the call that runs `fullName` whether it is a secret. */
export function secretArguments(call: Call, fullName: string): (index: number) => boolean {
  if (fullName === "auth") return (index) => index > 0;
  if (fullName === "hello") {
    for (let index = 2; index < call.argc; index++) {
      if (call.is(index, "auth")) return (argument) => argument === index + 1 || argument === index + 2;
    }
  }
  if (fullName === "migrate") {
    for (let index = 6; index < call.argc; index++) {
      if (call.is(index, "auth")) return (argument) => argument === index + 1;
      if (call.is(index, "auth2")) return (argument) => argument === index + 1 || argument === index + 2;
    }
  }
  if (fullName === "config|set") {
    return (index) =>
      index >= 3 && index % 2 === 1 && SECRET_DIRECTIVES.has(findDirective(call.text(index - 1))?.name ?? "");
  }
  if (HIDES_USERS.has(fullName)) return (index) => index >= 2;
  return () => false;
}
