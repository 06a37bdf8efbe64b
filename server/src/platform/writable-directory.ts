/** Whether files can really be made in a directory: read-only mounts and quotas do not show in its permissions. */

import { closeSync, openSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { describeSystemError } from "./system-error.ts";

/** Why not, or undefined. */
export function checkWritable(directory: string): string | undefined {
  const probe = join(directory, `.kv-server-${process.pid}.tmp`);
  try {
    closeSync(openSync(probe, "wx", 0o600));
    unlinkSync(probe);
    return undefined;
  } catch (error) {
    return describeSystemError(error);
  }
}
