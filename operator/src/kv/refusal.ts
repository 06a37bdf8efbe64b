/** What a server says when it does not take what it was told. */

import { NodeCommandError } from "./node-connection.ts";

/**
 * Runs the command; its error reply, as far as the pattern's first group that matched has it, where the pattern fits. Other
 * failures reject.
 */
export async function refusalOf(command: Promise<unknown>, pattern: RegExp): Promise<string | undefined> {
  try {
    await command;
    return undefined;
  } catch (error) {
    const groups = error instanceof NodeCommandError ? pattern.exec(error.message)?.slice(1) : undefined;
    const reason = groups?.find((group) => group !== undefined);
    if (reason === undefined) throw error;
    return reason;
  }
}
