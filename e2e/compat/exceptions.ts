/** Tests that pass against redis-server 7.0 and not here, or run here only and fail, each with its reason. */

export interface Exception {
  readonly suites: RegExp;
  readonly tests: RegExp;
  readonly reason: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  {
    suites: /^redis-py/,
    tests: /TestSentinelCache/,
    reason: "want sentinels",
  },
  {
    suites: /^redis-py-resp\d$/,
    tests: /TestSSLCache/,
    reason: "want TLS: they run in the suites over TLS",
  },
  { suites: /^redis-py/, tests: /test_tf(unction|call)/, reason: "Triggers and Functions is a module" },
];
