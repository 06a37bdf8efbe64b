/** Keeps this process' badness for the system's memory killer to the directives, and to the role that the server has. */

import type { Config } from "../config/config.ts";
import type { Logger } from "../observability/logger.ts";
import { OomScore } from "../platform/oom-score.ts";

export interface OomScoreParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly keyspace: { readonly isReplica: boolean };
}

const [OF_PRIMARY, OF_REPLICA] = [0, 1];
const FAILED = "Failed to apply new oom_score_adj configuration, check server logs.";

/** Applies it now and on each change of the directives. Gives what is to be called when the role has changed. */
export function followOomScore(
  { config, logger, keyspace }: OomScoreParts,
  score: Pick<OomScore, "apply"> = new OomScore(),
): () => void {
  const apply = (): string | undefined => {
    const value = config.get("oom-score-adj-values")[keyspace.isReplica ? OF_REPLICA : OF_PRIMARY] ?? 0;
    try {
      score.apply(config.get("oom-score-adj"), value);
      return undefined;
    } catch (error) {
      logger.warning(`Unable to write oom_score_adj: ${(error as Error).message}`);
      return FAILED;
    }
  };
  apply();
  config.onChange(["oom-score-adj", "oom-score-adj-values"], apply);
  return apply;
}
