/**
 * What Linux adds to this process' badness when memory runs out (/proc/self/oom_score_adj, proc(5)), as `oom-score-adj` and
 * `oom-score-adj-values` say. Nothing is touched while that is off; when it is turned off again, what was there before is put back.
 */

import fs from "node:fs";

export type OomScoreMode = "no" | "yes" | "relative" | "absolute";

const FILE = "/proc/self/oom_score_adj";
const [LEAST, MOST] = [-1000, 1000];

export class OomScore {
  readonly #file: string;
  /** What was there when it was turned on. */
  #base: number | undefined;

  constructor(file = FILE) {
    this.#file = file;
  }

  /** Throws the error of the system where the value may not be set; a lower one than before asks for privileges. */
  apply(mode: OomScoreMode, value: number): void {
    if (mode === "no") {
      const base = this.#base;
      this.#base = undefined;
      if (base !== undefined) this.#write(base);
      return;
    }
    this.#base ??= Number(fs.readFileSync(this.#file, "latin1"));
    const wanted = mode === "absolute" ? value : this.#base + value;
    this.#write(Math.max(LEAST, Math.min(MOST, wanted)));
  }

  #write(value: number): void {
    fs.writeFileSync(this.#file, String(value));
  }
}
