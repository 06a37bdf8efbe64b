/** What a suite of a client library is to the runner: something that can be fetched, and run against a kind of server. */

export const SERVERS = ["redis-server", "kv-server"] as const;
export type ServerName = (typeof SERVERS)[number];

export interface Suite {
  readonly name: string;
  /** Fetches and builds it, if that has not been done. May use the network. */
  prepare(): Promise<void>;
  /**
   * Runs it and writes a JUnit file; tests that fail are no error, a run without a file is. If tests are named, as that file
   * names them, the others need not run.
   */
  run(server: ServerName, files: RunFiles, tests?: readonly string[]): Promise<void>;
}

export interface RunFiles {
  readonly junit: string;
  readonly log: string;
}
