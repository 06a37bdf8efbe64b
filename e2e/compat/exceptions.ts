/** Tests that pass against redis-server 7.0 and not here, or run here only and fail, each with its reason. */

export interface Exception {
  /** A suite, or how its name begins. */
  readonly suites: string;
  readonly tests: RegExp;
  readonly reason: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  {
    suites: "redis-py",
    tests: /TestSentinelCache|TestSSLCache/,
    reason: "want sentinels, or the suite's own certificates",
  },
  { suites: "redis-py", tests: /test_tf(unction|call)/, reason: "Triggers and Functions is a module" },
];
