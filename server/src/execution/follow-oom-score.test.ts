import { expect, test } from "vitest";
import { Config } from "../config/config.ts";
import { silentLogger } from "../observability/logger.ts";
import { followOomScore } from "./follow-oom-score.ts";

test("each role has its value, and a change that fails is refused", () => {
  const config = new Config({ workingDirectory: "/data", resolveDirectory: (path) => path });
  const keyspace = { isReplica: false };
  const applied: [string, number][] = [];
  const score = {
    apply(mode: string, value: number) {
      if (value < 0) throw new Error("EACCES");
      applied.push([mode, value]);
    },
  };
  const roleChanged = followOomScore({ config, logger: silentLogger, keyspace }, score);
  config.set([["oom-score-adj-values", "10 20 30"]]);
  config.set([["oom-score-adj", "yes"]]);
  keyspace.isReplica = true;
  roleChanged();
  expect(applied).toEqual([
    ["no", 0],
    ["no", 10],
    ["yes", 10],
    ["yes", 20],
  ]);
  expect(config.set([["oom-score-adj-values", "1 -2 3"]])).toMatch(/Failed to apply new oom_score_adj/);
  expect(config.get("oom-score-adj-values")).toEqual([10, 20, 30]);
});
