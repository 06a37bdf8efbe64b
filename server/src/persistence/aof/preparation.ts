/** When a file is prepared ahead: while the serving thread syncs it often. It is cut to its data once that has become rare. */

import type { PreparedFile } from "./prepared-file.ts";

export interface PreparingOptions {
  readonly stepBytes: number;
  /** From so many syncs a second on. */
  readonly frequentSyncs: number;
  /** 16 random hexadecimal digits. */
  readonly key: () => string;
}

export type PreparingStep = "prepare" | "trim";

const PERIOD_MS = 1000;
/** Between frequent and rare nothing changes. */
const RARE_SHARE = 0.1;

export class Preparation {
  readonly #frequentSyncs: number;
  #syncs = 0;
  #sinceMs: number;

  constructor({ frequentSyncs }: PreparingOptions, nowMs: number) {
    this.#frequentSyncs = frequentSyncs;
    this.#sinceMs = nowMs;
  }

  countSync(): void {
    this.#syncs++;
  }

  /** At most once a second, for the time since it was asked last. */
  stepFor({ isPrepared }: Pick<PreparedFile, "isPrepared">, nowMs: number): PreparingStep | undefined {
    const passedMs = nowMs - this.#sinceMs;
    if (passedMs >= 0 && passedMs < PERIOD_MS) return undefined;
    const syncsASecond = passedMs > 0 ? (this.#syncs * 1000) / passedMs : 0;
    this.#syncs = 0;
    this.#sinceMs = nowMs;
    if (!isPrepared) return syncsASecond >= this.#frequentSyncs ? "prepare" : undefined;
    return syncsASecond < this.#frequentSyncs * RARE_SHARE ? "trim" : undefined;
  }
}
