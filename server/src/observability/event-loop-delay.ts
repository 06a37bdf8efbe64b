/** How late the event loop comes to what is due: the pauses that every client feels. */

import { monitorEventLoopDelay } from "node:perf_hooks";

export interface DelayQuantile {
  readonly quantile: number;
  readonly seconds: number;
}

export interface EventLoopDelay {
  /** Since the last time it was asked; from then on it begins anew. Empty before the first measurement. */
  take(quantiles: readonly number[]): readonly DelayQuantile[];
}

const RESOLUTION_MS = 10;

/** Measures from the first time it is asked, so a server that nobody scrapes has no timer for it. */
export function createEventLoopDelay(): EventLoopDelay {
  let histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;
  return {
    take(quantiles) {
      if (histogram === undefined) {
        histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
        histogram.enable();
        return [];
      }
      if (histogram.count === 0) return [];
      const taken = histogram;
      // It records whole intervals between its timer's turns.
      const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3);
      const seconds = quantiles.map((quantile) => ({ quantile, seconds: late(taken.percentile(quantile * 100)) }));
      histogram.reset();
      return seconds;
    },
  };
}
