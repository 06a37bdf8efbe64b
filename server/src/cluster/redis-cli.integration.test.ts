/** `redis-cli --cluster`, the tool that makes and changes clusters, on ours and beside redis-server; longer: redis-cli.fuzz.ts. */

import { describe } from "vitest";
import { hasRedisPy } from "../testing/redis-py-load.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { describeRedisCli } from "./redis-cli-scenario.ts";

const FEW = {
  ...{ tags: 40, width: 1000, weight: 0.1, reshardedSlots: 100, importedKeys: 30, timeoutMs: 60_000 },
  tagsOfRedisPy: hasRedisPy() ? 10 : 0,
};

describe.runIf(hasReferenceServer)("Clusters", () => {
  describeRedisCli({ ...FEW, name: "ours alone", kinds: ["ours"] });
  describeRedisCli({ ...FEW, name: "ours and redis-server in turn", kinds: ["ours", "redis-server"] });
});
