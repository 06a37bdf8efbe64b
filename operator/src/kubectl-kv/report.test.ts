import { describe, expect, it } from "vitest";
import { examplePod, exampleWorld, primaryAnswer, replicaAnswer } from "./example-world.ts";
import { clusterReport } from "./report.ts";
import { parseServerState } from "./server-state.ts";
import type { World } from "./world.ts";

function serverOf(world: World, name: string) {
  const found = clusterReport(world)
    .shards.flatMap(({ servers }) => servers)
    .find(({ pod }) => pod === name);
  if (found === undefined) throw new Error(`No server ${name}`);
  return found;
}

describe("the report", () => {
  it("believes the server about its role, not the label", () => {
    const world = exampleWorld({
      servers: new Map([
        ["shop-0-0", replicaAnswer()],
        ["shop-0-1", primaryAnswer(0)],
      ]),
    });
    expect(serverOf(world, "shop-0-0").role).toBe("replica");
    expect(clusterReport(world).shards[0]?.servers.map(({ pod }) => pod)).toEqual(["shop-0-1", "shop-0-0"]);
  });

  it("calls a primary without slots none: it waits for its place", () => {
    const state = parseServerState({ role: "primary", cluster: { ownSlots: 0 } });
    const world = exampleWorld({ servers: new Map([["shop-0-0", { kind: "state", state }]]) });
    expect(serverOf(world, "shop-0-0").role).toBe("none");
  });

  it("takes the lag from the primary's own table", () => {
    expect(serverOf(exampleWorld(), "shop-1-1")).toMatchObject({ lagBytes: 512, lagSeconds: 1, link: "up" });
  });

  it("takes the difference of offsets where the primary does not know the address", () => {
    const pod = { ...examplePod(0, 1), status: { phase: "Running", podIP: "10.9.9.9" } };
    const world = exampleWorld({ pods: [examplePod(0, 0), pod] });
    expect(serverOf(world, "shop-0-1")).toMatchObject({ lagBytes: 512, lagSeconds: undefined });
  });

  it("tells a link that is down from one that is syncing", () => {
    const answers = [false, true].map((isSyncing) => replicaAnswer({ primary: { isUp: false, isSyncing } }));
    const links = answers.map((answer) => {
      return serverOf(exampleWorld({ servers: new Map([["shop-0-1", answer]]) }), "shop-0-1").link;
    });
    expect(links).toEqual(["down", "syncing"]);
  });

  it("says what holds a pod up", () => {
    const waiting = examplePod(0, 0, false);
    const status = { ...waiting.status, containerStatuses: [{ state: { waiting: { reason: "ImagePullBackOff" } } }] };
    expect(serverOf(exampleWorld({ pods: [{ ...waiting, status }] }), "shop-0-0").trouble).toBe("ImagePullBackOff");
  });
});

describe("a server's state", () => {
  it("of unknown form has nothing, and breaks nothing", () => {
    for (const json of [undefined, null, "text", [], { replication: 5, memory: [], role: "captain" }]) {
      expect(parseServerState(json)).toMatchObject({ role: undefined, offset: undefined, followers: [] });
    }
  });
});
