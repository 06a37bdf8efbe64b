/** Tests that pass against redis-server 7.0 and not here, or run here only and fail, each with its reason. */

export interface Exception {
  /** A suite, or how its name begins. */
  readonly suites: string;
  readonly tests: RegExp;
  readonly reason: string;
}

const SCRIPTING = "scripting (Lua) is planned";

export const EXCEPTIONS: readonly Exception[] = [
  {
    suites: "go-redis",
    tests: /EVAL|Eval|Commands Functions|CommandGetKeys|wrapped error in a hook/,
    reason: SCRIPTING,
  },
];
