/** How much memory this process may have: that of the machine, or of its container if that is less. */

import { totalmem } from "node:os";

export function availableMemory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}
