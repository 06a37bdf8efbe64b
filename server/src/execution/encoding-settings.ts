/** Keeps the encoding limits of values at what the directives say. */

import type { Config } from "../config/config.ts";
import { defaultEncodingLimits, type EncodingLimits } from "../values/encoding-limits.ts";

const DIRECTIVE_OF = {
  listMaxListpackSize: "list-max-listpack-size",
  hashMaxListpackEntries: "hash-max-listpack-entries",
  hashMaxListpackValue: "hash-max-listpack-value",
  setMaxIntsetEntries: "set-max-intset-entries",
  setMaxListpackEntries: "set-max-listpack-entries",
  setMaxListpackValue: "set-max-listpack-value",
  zsetMaxListpackEntries: "zset-max-listpack-entries",
  zsetMaxListpackValue: "zset-max-listpack-value",
  streamNodeMaxBytes: "stream-node-max-bytes",
  streamNodeMaxEntries: "stream-node-max-entries",
} as const satisfies Record<keyof EncodingLimits, string>;

const NAMES = Object.keys(DIRECTIVE_OF) as (keyof EncodingLimits)[];

/** Limits that follow the configuration as it changes. */
export function encodingLimitsOf(config: Config): EncodingLimits {
  const limits = defaultEncodingLimits();
  const apply = (): undefined => {
    for (const name of NAMES) limits[name] = config.get(DIRECTIVE_OF[name]);
    return undefined;
  };
  apply();
  config.onChange(Object.values(DIRECTIVE_OF), apply);
  return limits;
}
