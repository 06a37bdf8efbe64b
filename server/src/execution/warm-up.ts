/** What the first clients would wait for, done before the port is open. */

import { flushCompileCache } from "node:module";
import type { FactSources } from "../observability/facts.ts";
import { renderInfo } from "../observability/info.ts";

export function warmUp(facts: FactSources): void {
  // Code that has never run takes twenty times as long: INFO 5 ms.
  renderInfo(facts, ["everything"]);
  // Node writes its compile cache when a process ends, but servers are often killed: the next start would be slow again.
  // The first time that takes tens of milliseconds.
  flushCompileCache();
}
