import { describe, expect, it } from "vitest";
import { examplePod, exampleWorld, primaryAnswer, replicaAnswer } from "./example-world.ts";
import { planFailover } from "./failover-plan.ts";
import { clusterReport } from "./report.ts";
import type { ServerAnswer } from "./world.ts";

function planWith(target: string, ...replicas: readonly ServerAnswer[]) {
  const pods = [examplePod(0, 0), ...replicas.map((_, index) => examplePod(0, index + 1))];
  const servers = new Map<string, ServerAnswer>([["shop-0-0", primaryAnswer(0)]]);
  for (const [index, answer] of replicas.entries()) servers.set(`shop-0-${index + 1}`, answer);
  return planFailover(clusterReport(exampleWorld({ pods, servers })), target);
}

const refusal = (reason: string) => ({ kind: "refuse", reason: expect.stringContaining(reason) });
const DOWN = replicaAnswer({ primary: { isUp: false } });

describe("a failover by hand", () => {
  it("of a shard goes to the replica that is furthest and linked", () => {
    const far = replicaAnswer({ offset: 9999, primary: { isUp: false } });
    const plan = planWith("0", replicaAnswer(), replicaAnswer({ offset: 4999 }), far);
    expect(plan).toEqual({ kind: "ask", shard: 0, pod: "shop-0-2", from: "shop-0-0" });
  });

  it("goes to the replica that is named", () => {
    const plan = planWith("shop-0-1", replicaAnswer(), replicaAnswer({ offset: 4999 }));
    expect(plan).toMatchObject({ kind: "ask", pod: "shop-0-1" });
  });

  it("is refused where it could not succeed, with what to do instead", () => {
    expect(planWith("7", replicaAnswer())).toEqual(refusal('"shop" has no shard 7: there are 0, 1, 2'));
    expect(planWith("shop-9-9", replicaAnswer())).toEqual(refusal("there are shop-0-0, shop-0-1"));
    expect(planWith("shop-0-0", replicaAnswer())).toEqual(refusal("name the replica that takes over (shop-0-1)"));
    expect(planWith("shop-0-1", DOWN)).toEqual(refusal("has no link to its primary"));
    expect(planWith("0", DOWN)).toEqual(refusal("no replica that has its primary's data"));
    expect(planWith("0")).toEqual(refusal("no replica"));
    expect(planWith("1", replicaAnswer())).toEqual(refusal("has no primary that answers"));
  });
});
