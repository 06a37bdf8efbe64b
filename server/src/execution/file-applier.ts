/** Runs the commands of an append-only file. */

import type { ClientConnection } from "../commands/client.ts";
import type { Logger } from "../observability/logger.ts";
import { type CommandStreamParts, runSilently, streamClient } from "./command-stream.ts";

export interface FileApplierParts extends CommandStreamParts {
  readonly connection: ClientConnection;
  readonly logger: Logger;
}

/** Takes whole commands; gives the end of the last one that left no transaction open, −1 if there was none. */
export type FileApplier = (commands: Buffer) => number;

/** One for each file: a transaction that it leaves open must not reach into the next. */
export function createFileApplier(parts: FileApplierParts): FileApplier {
  const client = streamClient(parts.connection);
  const failed = (error: string): void => {
    parts.logger.warning(`A command of the append-only file failed, the data may differ now: "${error}"`);
  };
  return (commands) =>
    runSilently(
      parts,
      (dispatcher) => {
        const { reply } = dispatcher;
        const start = reply.position;
        let done = 0;
        let settled = -1;
        while (done < commands.length) {
          const consumed = dispatcher.run(client, commands, done, commands.length, () => {
            reply.position = start;
          });
          if (consumed === done) throw new Error("A command of the append-only file does not come to its end");
          settled = Math.max(settled, dispatcher.settledEnd);
          done = consumed;
        }
        return settled;
      },
      failed,
    );
}
