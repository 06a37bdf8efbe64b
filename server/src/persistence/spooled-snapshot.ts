/** A snapshot in the background into a file that is nobody's: whoever is told that it is done has to remove it. */

import path from "node:path";
import type { Persistence, PersistenceOptions } from "./persistence.ts";
import { withAbort } from "./snapshot-target.ts";

export interface SpoolParts {
  readonly persistence: Pick<Persistence, "startSnapshot" | "finishSnapshot" | "temporaryFile">;
  readonly createFileTarget: PersistenceOptions["createFileTarget"];
  readonly hasChecksum: boolean;
}

export interface SpoolOutcome {
  done(file: string): void;
  /** May be called more than once. */
  failed(reason: string): void;
}

/** Gives what gives it up. */
export function spoolSnapshot(parts: SpoolParts, outcome: SpoolOutcome): () => void {
  const { persistence, createFileTarget, hasChecksum } = parts;
  const file = persistence.temporaryFile();
  const [directory, name] = [path.dirname(file), path.basename(file)];
  const target = createFileTarget(
    { directory, name, temporaryName: name, checksum: hasChecksum },
    {
      done: () => {
        persistence.finishSnapshot(job);
        outcome.done(file);
      },
      failed: (reason) => {
        outcome.failed(reason);
        job.abort();
      },
    },
  );
  const givenUp = withAbort(target, () => {
    persistence.finishSnapshot(job);
    outcome.failed("the snapshot was given up");
  });
  const job = persistence.startSnapshot(givenUp);
  return () => job.abort();
}
