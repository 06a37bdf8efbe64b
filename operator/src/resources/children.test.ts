import { describe, expect, it } from "vitest";
import { MAX_CLUSTER_NAME_LENGTH } from "../api/kv-cluster.ts";
import { authSecret } from "./auth-secret.ts";
import { children } from "./children.ts";
import { exampleCluster, exampleContext } from "./example-cluster.ts";
import { decodeData, type Manifest } from "./manifest.ts";

function named(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
}

describe("children", () => {
  it("come in order, what pods refer to before the pods", () => {
    expect(children(exampleContext({ shards: 3 })).map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      "ConfigMap shop-config",
      "Secret shop-server-auth",
      "Secret shop-connection",
      "Service shop-nodes",
      "Service shop",
      "Service shop-write",
      "Service shop-read",
      "PodDisruptionBudget shop-0",
      "PodDisruptionBudget shop-1",
      "PodDisruptionBudget shop-2",
      "StatefulSet shop-0",
      "StatefulSet shop-1",
      "StatefulSet shop-2",
    ]);
  });

  it("are the same for the same input and all owned and labelled", () => {
    const manifests = children(exampleContext({ shards: 3 }));
    expect(JSON.stringify(children(exampleContext({ shards: 3 })))).toBe(JSON.stringify(manifests));
    for (const { metadata } of manifests) {
      expect(metadata.ownerReferences).toEqual([expect.objectContaining({ uid: "uid-shop", controller: true })]);
      expect(metadata.labels).toMatchObject({
        "app.kubernetes.io/managed-by": "kvcluster-operator",
        "app.kubernetes.io/instance": "shop",
        "kvcluster.dev/cluster": "shop",
      });
    }
  });

  it("stay within 63 characters for the longest cluster name", () => {
    const context = exampleContext({ shards: 256 }, "c".repeat(MAX_CLUSTER_NAME_LENGTH));
    const longest = Math.max(...children(context).map(({ metadata }) => metadata.name.length));
    expect(longest).toBeLessThanOrEqual(63 - "-00".length);
  });

  it("route by live role: writes to primaries, reads to replicas or, without any, to primaries", () => {
    const routes = (replicasPerShard: number) => {
      const manifests = children(exampleContext({ replicasPerShard }));
      return ["shop", "shop-write", "shop-read"].map((name) => {
        const selector = named(manifests, "Service", name).spec?.selector as Record<string, string>;
        return selector["kvcluster.dev/role"];
      });
    };
    expect(routes(1)).toEqual([undefined, "primary", "replica"]);
    expect(routes(0)).toEqual([undefined, "primary", "primary"]);
  });

  it("publish servers that are not ready under their host name only", () => {
    const manifests = children(exampleContext());
    expect(named(manifests, "Service", "shop-nodes").spec).toMatchObject({
      clusterIP: "None",
      publishNotReadyAddresses: true,
    });
    expect(named(manifests, "Service", "shop").spec).toMatchObject({ publishNotReadyAddresses: false });
  });

  it("put the user's annotations on client Services only", () => {
    const manifests = children(exampleContext({ networking: { service: { annotations: { a: "b" } } } }));
    const annotated = manifests
      .filter(({ metadata }) => metadata.annotations?.a === "b")
      .map(({ metadata }) => metadata.name);
    expect(annotated).toEqual(["shop", "shop-write", "shop-read"]);
  });

  it("allow one eviction a shard, or none of our business when disabled", () => {
    const [first] = children(exampleContext()).filter(({ kind }) => kind === "PodDisruptionBudget");
    expect(first?.spec).toMatchObject({
      maxUnavailable: 1,
      selector: { matchLabels: { "kvcluster.dev/shard": "0", "app.kubernetes.io/component": "server" } },
    });
    const disabled = children(exampleContext({ disruption: { podDisruptionBudget: "Disabled" } }));
    expect(disabled.some(({ kind }) => kind === "PodDisruptionBudget")).toBe(false);
  });

  it("without a cluster are a Service to the primary and one to read from, or only the first", () => {
    const group = children(exampleContext({ mode: "Replication", shards: 1, replicasPerShard: 2 }));
    const roleBehind = (name: string) => named(group, "Service", name).spec?.selector;
    expect(roleBehind("shop")).toMatchObject({ "kvcluster.dev/role": "primary" });
    expect(roleBehind("shop-write")).toMatchObject({ "kvcluster.dev/role": "primary" });
    expect(roleBehind("shop-read")).toMatchObject({ "kvcluster.dev/reads": "yes" });
    const alone = children(exampleContext({ mode: "Standalone", shards: 1, replicasPerShard: 0 }));
    const services = alone.filter(({ kind }) => kind === "Service").map(({ metadata }) => metadata.name);
    expect(services).toEqual(["shop-nodes", "shop"]);
  });

  it("tell applications how to connect", () => {
    const { data } = named(children({ ...exampleContext(), password: "p@ss/word" }), "Secret", "shop-connection");
    expect(Object.keys(data ?? {}).map((key) => [key, decodeData(data, key)])).toEqual([
      ["host", "shop.apps.svc.cluster.local"],
      ["port", "6379"],
      ["username", "default"],
      ["password", "p@ss/word"],
      ["uri", "redis://default:p%40ss%2Fword@shop.apps.svc.cluster.local:6379"],
    ]);
  });

  it("hold the generated password apart, in a Secret of its own", () => {
    const secret = authSecret(exampleCluster(), "generated");
    expect(secret.metadata.name).toBe("shop-auth");
    expect(decodeData(secret.data, "password")).toBe("generated");
    expect(children(exampleContext()).map(({ metadata }) => metadata.name)).not.toContain("shop-auth");
  });
});
