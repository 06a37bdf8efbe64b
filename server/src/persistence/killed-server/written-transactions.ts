/**
 * What the files of a killed server hold, found by other means than the server's own: the last number of each list whose
 * transaction stands whole in the increments. SIGKILL is no power cut: all of that must be there after the next start.
 */

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseManifest } from "../aof/manifest.ts";

const PART = /RPUSH\r\n\$\d+\r\n(list:\d+)\r\n\$\d+\r\n(\d+)\r\n|\*1\r\n\$4\r\nEXEC\r\n/g;

/** Lists that the increments do not name are missing: the base alone has them. */
export function lastWritten(directory: string): ReadonlyMap<string, number> {
  const folder = path.join(directory, "appendonlydir");
  const manifest = path.join(folder, "appendonly.aof.manifest");
  const last = new Map<string, number>();
  if (!existsSync(manifest)) return last;
  for (const { name } of parseManifest(readFileSync(manifest, "utf8")).increments) {
    let open: readonly [string, number] | undefined;
    for (const [, list, number] of readFileSync(path.join(folder, name), "latin1").matchAll(PART)) {
      if (list !== undefined) open = [list, Number(number)];
      else if (open !== undefined) last.set(...open);
    }
  }
  return last;
}
