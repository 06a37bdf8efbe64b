/**
 * What makes a restore happen once: a file beside the backup's own, one for each target, by the name the caller gave it. It is
 * there before the first key is written, so who finds it goes on with what another began, and says "done" in the end. Without
 * it the target must be empty.
 */

import path from "node:path";
import { readTextFile, replaceTextFile, systemDisk } from "../platform/disk.ts";

export interface RestoreResult {
  readonly keys: number;
  readonly libraries: number;
  /** Their time has passed since the backup was taken. */
  readonly expired: number;
}

export interface RestoreRecord {
  /** Of a restore that came to its end. */
  readonly result: RestoreResult | undefined;
  readonly isBegun: boolean;
  begin(): void;
  finish(result: RestoreResult): void;
}

export function openRestoreRecord(directory: string, target: string): RestoreRecord {
  const file = path.join(directory, `restored-${target}.json`);
  const isBegun = systemDisk.exists(file);
  const write = (content: { readonly result?: RestoreResult }) =>
    replaceTextFile(systemDisk, file, `${JSON.stringify({ target, ...content })}\n`);
  return {
    result: isBegun ? (JSON.parse(readTextFile(systemDisk, file)) as { result?: RestoreResult }).result : undefined,
    isBegun,
    begin: () => write({}),
    finish: (result) => write({ result }),
  };
}
