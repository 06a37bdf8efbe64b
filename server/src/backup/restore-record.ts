/**
 * What makes a restore happen once: a file beside the backup's own, one for each target, by the name the caller gave it. It is
 * there before the first key is written, so who finds it goes on with what another began, and says "done" in the end. Without
 * it the target must be empty.
 */

import type { BackupPlace } from "./backup-place.ts";

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
  begin(): Promise<void>;
  finish(result: RestoreResult): Promise<void>;
}

export async function openRestoreRecord(place: BackupPlace, target: string): Promise<RestoreRecord> {
  const name = `restored-${target}.json`;
  const text = await place.readText(name);
  const write = (content: { readonly result?: RestoreResult }) =>
    place.writeText(name, `${JSON.stringify({ target, ...content })}\n`);
  return {
    result: text === undefined ? undefined : (JSON.parse(text) as { result?: RestoreResult }).result,
    isBegun: text !== undefined,
    begin: () => write({}),
    finish: (result) => write({ result }),
  };
}
