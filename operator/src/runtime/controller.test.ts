import { describe, expect, it } from "vitest";
import type { KubernetesObject, ObjectName } from "../kubernetes-object.ts";
import { Cache } from "./cache.ts";
import { Controller, controllingOwner, exceptStatus, itself, namedByLabel } from "./controller.ts";
import { jsonLogger } from "./logger.ts";
import { ManualClock, settle } from "./manual-clock.ts";
import type { Outcome } from "./work-queue.ts";

const noSubscriberError = (error: unknown) => {
  throw error;
};

function cluster(name: string, version: number, generation = 1): KubernetesObject {
  return {
    apiVersion: "kvcluster.dev/v1alpha1",
    kind: "KVCluster",
    metadata: { namespace: "ns", name, uid: name, resourceVersion: String(version), generation },
  };
}

function setOf(owner: string, name: string, version = 1): KubernetesObject {
  const reference = {
    apiVersion: "kvcluster.dev/v1alpha1",
    kind: "KVCluster",
    name: owner,
    uid: owner,
    controller: true,
  };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: {
      namespace: "ns",
      name,
      resourceVersion: String(version),
      labels: { "kvcluster.dev/cluster": owner },
      ownerReferences: [reference, { ...reference, name: "not-controlling", controller: false }],
    },
  };
}

function setUp(reconcile: (request: ObjectName) => Promise<Outcome>, logLines: string[] = []) {
  const clusters = new Cache(noSubscriberError);
  const sets = new Cache(noSubscriberError);
  const clock = new ManualClock();
  const measured: string[] = [];
  const log = jsonLogger({ level: "info", clock, write: (line) => logLines.push(line) });
  const controller = new Controller(
    {
      name: "cluster",
      concurrency: 2,
      primary: clusters,
      watched: [
        { cache: clusters, requestsFor: itself, when: exceptStatus },
        { cache: sets, requestsFor: controllingOwner("KVCluster") },
      ],
      reconcile,
    },
    { clock, random: () => 0, log, meter: { reconciled: (_name, result) => measured.push(result) } },
  );
  return { clusters, sets, clock, controller, measured };
}

describe("a controller", () => {
  it("reconciles every object once at start, and then on changes only", async () => {
    const seen: string[] = [];
    const { clusters, controller } = setUp(async ({ name }) => {
      seen.push(name);
      return {};
    });
    clusters.put(cluster("a", 1));
    clusters.put(cluster("b", 1));
    controller.start();
    await settle();
    expect(seen).toEqual(["a", "b"]);
    clusters.put(cluster("b", 2, 2));
    await settle();
    expect(seen).toEqual(["a", "b", "b"]);
    await controller.stop();
  });

  it("is not woken by its own status writes", async () => {
    const seen: string[] = [];
    const { clusters, controller } = setUp(async ({ name }) => {
      seen.push(name);
      return {};
    });
    controller.start();
    clusters.put(cluster("a", 1));
    clusters.put(cluster("a", 2));
    clusters.put(cluster("a", 3));
    await settle();
    expect(seen).toEqual(["a"]);
    await controller.stop();
  });

  it("is woken by the objects its kind controls, when they change and when they go", async () => {
    const seen: string[] = [];
    const { sets, controller } = setUp(async ({ name }) => {
      seen.push(name);
      return {};
    });
    controller.start();
    sets.put(setOf("a", "a-0"));
    await settle();
    sets.put(setOf("a", "a-0", 2));
    await settle();
    sets.remove(setOf("a", "a-0", 3));
    await settle();
    expect(seen).toEqual(["a", "a", "a"]);
    await controller.stop();
  });

  it("measures results, retries a failure and counts a wish to come back", async () => {
    let attempts = 0;
    const { clusters, clock, controller, measured } = setUp(async () => {
      attempts++;
      if (attempts === 1) {
        throw new Error("server unreachable");
      }
      return attempts === 2 ? { requeueAfterMs: 1_000 } : {};
    });
    clusters.put(cluster("a", 1));
    controller.start();
    await clock.advance(2_000);
    expect(measured).toEqual(["error", "requeue", "success"]);
    await controller.stop();
  });

  it("repeats quietly what met a newer object than the cache had shown", async () => {
    let attempts = 0;
    const logLines: string[] = [];
    const { clusters, clock, controller, measured } = setUp(async () => {
      attempts++;
      const conflict = Object.assign(new Error("the object has been modified"), { kind: "conflict" });
      if (attempts === 1) throw new Error("Failed to report", { cause: conflict });
      if (attempts === 2) throw new Error("server unreachable");
      return {};
    }, logLines);
    clusters.put(cluster("a", 1));
    controller.start();
    await clock.advance(2_000);
    expect(measured).toEqual(["requeue", "error", "success"]);
    expect(logLines).toHaveLength(1);
    expect(logLines[0]).toContain("server unreachable");
    await controller.stop();
  });

  it("hears nothing more once stopped", async () => {
    const seen: string[] = [];
    const { clusters, controller } = setUp(async ({ name }) => {
      seen.push(name);
      return {};
    });
    controller.start();
    await controller.stop();
    clusters.put(cluster("a", 1));
    await settle();
    expect(seen).toEqual([]);
  });
});

describe("namedByLabel", () => {
  it("finds the object a label names, and nothing without the label", () => {
    const requests = namedByLabel("kvcluster.dev/cluster");
    expect(requests(setOf("a", "a-0"))).toEqual([{ namespace: "ns", name: "a" }]);
    expect(requests(cluster("a", 1))).toEqual([]);
  });
});

describe("a cache", () => {
  it("lists by namespace and labels", () => {
    const cache = new Cache(noSubscriberError);
    cache.put(setOf("a", "a-0"));
    cache.put(setOf("a", "a-1"));
    cache.put(setOf("b", "b-0"));
    const found = cache.list({ namespace: "ns", labels: { "kvcluster.dev/cluster": "a" } });
    expect(found.map(({ metadata }) => metadata.name)).toEqual(["a-0", "a-1"]);
    expect(cache.list({ namespace: "other" })).toEqual([]);
  });

  it("says nothing about an object that a list brings unchanged", () => {
    const cache = new Cache(noSubscriberError);
    const changes: string[] = [];
    cache.put(setOf("a", "a-0"));
    cache.put(setOf("a", "a-1"));
    cache.subscribe(({ type, object }) => changes.push(`${type} ${object.metadata.name}`));
    cache.replace([setOf("a", "a-1"), setOf("a", "a-2")]);
    expect(changes).toEqual(["deleted a-0", "added a-2"]);
    expect(cache.size).toBe(2);
  });
});
