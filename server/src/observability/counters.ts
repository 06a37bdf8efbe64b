/**
 * Small running statistics: rates over the last seconds (INFO's instantaneous_*), and errors by their code.
 */

const SAMPLES = 16;
const CODES_MAX = 128;

/** The rate of a growing counter, averaged over the last 16 samples. */
export class RateMeter {
  readonly #rates = new Float64Array(SAMPLES);
  #next = 0;
  #lastValue = 0;
  #lastMs: number;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  sample(value: number, nowMs: number): void {
    const elapsedMs = nowMs - this.#lastMs;
    if (elapsedMs <= 0) return;
    this.#rates[this.#next] = ((value - this.#lastValue) * 1000) / elapsedMs;
    this.#next = (this.#next + 1) % SAMPLES;
    this.#lastValue = value;
    this.#lastMs = nowMs;
  }

  get perSecond(): number {
    let sum = 0;
    for (const rate of this.#rates) sum += rate;
    return sum / SAMPLES;
  }

  reset(value: number): void {
    this.#rates.fill(0);
    this.#lastValue = value;
  }
}

/** Error replies by their first word. Clients can make words up (scripts do), so there is a limit to how many. */
export class ErrorStatistics {
  readonly #counts = new Map<string, number>();
  total = 0;

  record(text: string): void {
    this.total++;
    const end = text.indexOf(" ");
    const code = end < 0 ? text : text.slice(0, end);
    const count = this.#counts.get(code);
    if (count === undefined && this.#counts.size >= CODES_MAX) return;
    this.#counts.set(code, (count ?? 0) + 1);
  }

  entries(): [code: string, count: number][] {
    return [...this.#counts].sort(([left], [right]) => (left < right ? -1 : 1));
  }

  reset(): void {
    this.#counts.clear();
    this.total = 0;
  }
}
