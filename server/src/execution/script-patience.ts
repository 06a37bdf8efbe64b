/**
 * How long a script may run. Past `busy-reply-threshold` it is put aside now and then, so that others get their answer, BUSY, and
 * SCRIPT KILL can end it if it has changed nothing. Where it cannot be put aside (inside a pcall, in a transaction) nobody
 * could say so: there it is ended, because else it could hold up the server for ever. What comes from a primary or a
 * file always runs to its end.
 */

import type { Clock } from "../platform/clock.ts";
import type { Intervention } from "../scripting/interpreter.ts";

/** A script has this long between two turns of the others. */
const SLICE_US = 5000;
/** What has written and cannot be put aside has so many times the threshold: to end it leaves half of its work done. */
const PATIENCE_WITH_WRITES = 4;
const KILLED = "Script killed by user with SCRIPT KILL...";
const OVERDUE = "Script stopped: it has run for longer than busy-reply-threshold where it could not be interrupted";

export interface ScriptRules {
  /** It may be put aside, and go on later. */
  readonly maySuspend: boolean;
  /** It must never be ended. */
  readonly mustFinish: boolean;
  /** It has to be done after so long, whatever it does; else it ends with this error. */
  readonly limit?: { readonly ms: number; readonly error: string };
}

export class ScriptPatience {
  readonly #clock: Clock;
  readonly #thresholdMs: () => number;
  #rules: ScriptRules = { maySuspend: false, mustFinish: false };
  #startedUs = 0;
  #sliceUs = 0;
  /** What the script dies of the next time that it is looked at, however often it catches the error. */
  #end: { readonly error: string } | undefined;

  /** `thresholdMs` 0: scripts may run for ever. */
  constructor(clock: Clock, thresholdMs: () => number) {
    this.#clock = clock;
    this.#thresholdMs = thresholdMs;
  }

  begin(rules: ScriptRules): void {
    this.#rules = rules;
    this.#end = undefined;
    this.#startedUs = this.#clock.monotonicUs();
    this.#sliceUs = this.#startedUs;
  }

  /** It goes on after it was put aside. */
  beginSlice(): void {
    this.#sliceUs = this.#clock.monotonicUs();
  }

  /** The script ends the next time that it is looked at. */
  end(): void {
    this.#end = { error: KILLED };
  }

  get elapsedMs(): number {
    return Math.floor((this.#clock.monotonicUs() - this.#startedUs) / 1000);
  }

  look(canSuspend: boolean, hasWritten: boolean): Intervention | undefined {
    if (this.#end !== undefined) return this.#end;
    const { limit, mustFinish, maySuspend } = this.#rules;
    if (limit !== undefined && !mustFinish && this.elapsedMs > limit.ms) this.#end = { error: limit.error };
    if (limit !== undefined) return this.#end;
    const thresholdUs = this.#thresholdMs() * 1000;
    if (thresholdUs <= 0) return undefined;
    const nowUs = this.#clock.monotonicUs();
    if (nowUs - this.#startedUs < thresholdUs) return undefined;
    const sliceUs = nowUs - this.#sliceUs;
    if (canSuspend && maySuspend) return sliceUs >= SLICE_US ? "suspend" : undefined;
    if (mustFinish) return undefined;
    if (sliceUs >= thresholdUs * (hasWritten ? PATIENCE_WITH_WRITES : 1)) this.#end = { error: OVERDUE };
    return this.#end;
  }
}
