/** Commands that give power over the machine, and answer only where a directive of their own allows it. */

import type { Call } from "./call.ts";
import { isLocalClient } from "./local-client.ts";

interface Protected {
  readonly name: string;
  readonly directive: "enable-module-command" | "enable-debug-command";
}

const MODULE: Protected = { name: "MODULE", directive: "enable-module-command" };

const PROTECTED: ReadonlyMap<string, Protected> = new Map<string, Protected>([
  ["debug", { name: "DEBUG", directive: "enable-debug-command" }],
  ["module|load", MODULE],
  ["module|loadex", MODULE],
  ["module|unload", MODULE],
]);

/** The error for a protected command that is not allowed to this client. */
export function protectedRefusal({ server, client }: Call, fullName: string): string | undefined {
  const command = PROTECTED.get(fullName);
  if (command === undefined) return undefined;
  const mode = server.config.get(command.directive);
  if (mode === "yes" || (mode === "local" && isLocalClient(client))) return undefined;
  return `ERR ${command.name} command not allowed. If the ${command.directive} option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.`;
}
