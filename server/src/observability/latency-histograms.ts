/**
 * How long each command takes, as a distribution: LATENCY HISTOGRAM and INFO's latencystats. Buckets are sixteen to a power
 * of two (6 % wide), in units of 64 ns, up to one second, where Redis ends too; a command has none before its first call.
 */

const UNITS_PER_US = 15.625;
const US_PER_UNIT = 1 / UNITS_PER_US;
/** One second. */
const UNITS_MAX = 15_625_000;
const STEPS = 16;
const STEP_BITS = 4;
const BUCKETS = bucketOf(UNITS_MAX * US_PER_UNIT) + 1;
/** Powers of two from 1,024 ns to the last that a second needs. */
const LEVELS = 21;

/** So many calls took at most so many microseconds. */
export type HistogramLevel = readonly [microseconds: number, calls: number];

export class LatencyHistograms {
  readonly #buckets: (Uint32Array | undefined)[];
  /** `latency-tracking`. */
  isOn = true;

  constructor(commands: number) {
    this.#buckets = Array.from({ length: commands });
  }

  record(command: number, bucket: number): void {
    const buckets = this.#buckets[command] ?? this.#create(command);
    buckets[bucket] = (buckets[bucket] as number) + 1;
  }

  #create(command: number): Uint32Array {
    const buckets = new Uint32Array(BUCKETS);
    this.#buckets[command] = buckets;
    return buckets;
  }

  /** Calls that were measured. */
  calls(command: number): number {
    return this.#buckets[command]?.reduce((sum, count) => sum + count, 0) ?? 0;
  }

  /** Cumulative counts by powers of two, only where they grow. The limits are those that Redis names. */
  levels(command: number): HistogramLevel[] {
    const buckets = this.#buckets[command];
    const levels: HistogramLevel[] = [];
    if (buckets === undefined) return levels;
    let calls = 0;
    for (let level = 0; level < LEVELS; level++) {
      const before = calls;
      for (const count of buckets.subarray(level * STEPS, (level + 1) * STEPS)) calls += count;
      if (calls !== before) levels.push([Math.floor((1032 * 2 ** level - 1) / 1000), calls]);
    }
    return levels;
  }

  /** The time that so many percent of the calls did not exceed, microseconds. */
  percentile(command: number, percent: number): number {
    const wanted = Math.max(1, Math.ceil((this.calls(command) * percent) / 100));
    const buckets = this.#buckets[command] ?? [];
    let calls = 0;
    for (let bucket = 0; bucket < buckets.length; bucket++) {
      calls += buckets[bucket] as number;
      if (calls >= wanted) return bucketEndUs(bucket);
    }
    return 0;
  }

  reset(): void {
    this.#buckets.fill(undefined);
  }
}

export function bucketOf(microseconds: number): number {
  const units = Math.min(UNITS_MAX, microseconds * UNITS_PER_US) | 0;
  if (units < STEPS) return units;
  const shift = 31 - Math.clz32(units) - STEP_BITS;
  return ((shift + 1) << STEP_BITS) | ((units >>> shift) & (STEPS - 1));
}

function bucketEndUs(bucket: number): number {
  if (bucket < STEPS) return (bucket + 1) * US_PER_UNIT;
  const shift = (bucket >>> STEP_BITS) - 1;
  return ((STEPS | (bucket & (STEPS - 1))) + 1) * 2 ** shift * US_PER_UNIT;
}
