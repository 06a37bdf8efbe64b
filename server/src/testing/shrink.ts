/** Makes the calls that lead to a difference fewer: leaves out larger and smaller runs of them as long as it stays. */

import { type Difference, type EpisodeCall, type EpisodeOptions, type Ports, runEpisode } from "./episode.ts";

const MOST_ATTEMPTS = 400;

export interface Shrunk {
  readonly calls: readonly EpisodeCall[];
  readonly difference: Difference;
}

export async function shrink(
  ports: Ports,
  calls: readonly EpisodeCall[],
  difference: Difference,
  options: EpisodeOptions = {},
): Promise<Shrunk> {
  let best: Shrunk = { calls: calls.slice(0, difference.at + 1), difference };
  let attempts = 0;
  for (let size = Math.ceil(best.calls.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let end = best.calls.length; end > 0 && attempts < MOST_ATTEMPTS; end -= size) {
      const fewer = [...best.calls.slice(0, Math.max(0, end - size)), ...best.calls.slice(end)];
      if (fewer.length === best.calls.length) continue;
      attempts++;
      const again = await runEpisode(ports, fewer, options);
      if (again?.kind === difference.kind) best = { calls: fewer.slice(0, again.at + 1), difference: again };
    }
  }
  return best;
}
