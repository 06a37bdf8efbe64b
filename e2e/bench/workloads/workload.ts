/** One part of the benchmark: it measures and reports its rows as it has them. Servers it starts it stops. */

import type { Row } from "../table.ts";

export interface Workload {
  readonly name: string;
  readonly about: string;
  run(report: (row: Row) => void): Promise<void>;
}
