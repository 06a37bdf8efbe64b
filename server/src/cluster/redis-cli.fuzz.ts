/** The same as redis-cli.integration.test.ts with keys in many slots, and with the kinds of servers in each other's places. */

import { describe } from "vitest";
import { hasRedisPy } from "../testing/redis-py-load.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { describeRedisCli } from "./redis-cli-scenario.ts";

const MANY = {
  ...{ tags: 1500, width: 5462, weight: 1, reshardedSlots: 2000, importedKeys: 3000, timeoutMs: 600_000 },
  tagsOfRedisPy: hasRedisPy() ? 200 : 0,
};

describe.runIf(hasReferenceServer)("Clusters", () => {
  describeRedisCli({ ...MANY, name: "ours alone", kinds: ["ours"] });
  describeRedisCli({ ...MANY, name: "ours and redis-server in turn", kinds: ["ours", "redis-server"] });
  describeRedisCli({ ...MANY, name: "redis-server and ours in turn", kinds: ["redis-server", "ours"] });
});
