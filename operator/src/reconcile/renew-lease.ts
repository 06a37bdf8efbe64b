/**
 * Lets the primary of a group go on taking writes. Not left out while the cluster is paused: nothing changes by it. One that is
 * not reached is seen in the next pass.
 */

import { PROCEED, type Step } from "./step.ts";

export const renewLease: Step = {
  name: "renew lease",
  changes: false,
  run: async ({ plan, sessions, dependencies }) => {
    const renewal = plan?.group?.renewal;
    if (renewal === undefined) return PROCEED;
    try {
      await sessions.get(renewal.pod)?.execute(renewal);
    } catch (error) {
      dependencies.log.warn("Failed to renew the lease of a primary", { pod: renewal.pod, error });
    }
    return PROCEED;
  },
};
