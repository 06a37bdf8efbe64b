/** One part of the benchmark: it measures and gives its rows. Servers it starts it stops. */

import type { Row } from "../table.ts";

export interface Workload {
  readonly name: string;
  readonly about: string;
  run(): Promise<readonly Row[]>;
}
