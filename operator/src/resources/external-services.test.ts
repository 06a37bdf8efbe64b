import { describe, expect, it } from "vitest";
import { MAX_CLUSTER_NAME_LENGTH } from "../api/kv-cluster.ts";
import { exampleContext } from "./example-cluster.ts";
import { externalServices } from "./external-services.ts";
import type { ChildContext } from "./manifest.ts";

function contextWith(external: Readonly<Record<string, unknown>>, name?: string): ChildContext {
  const servers = [
    { pod: "shop-0-0", shard: 0 },
    { pod: "shop-0-1", shard: 0 },
  ];
  return { ...exampleContext({ networking: { external } }, name), servers };
}

describe("Services for outside", () => {
  it("are not there unless they are asked for", () => {
    expect(externalServices({ ...exampleContext(), servers: [{ pod: "shop-0-0", shard: 0 }] })).toEqual([]);
  });

  it("lead to one server each, by the port that tells its clients apart", () => {
    const services = externalServices(contextWith({ type: "NodePort" }));
    expect(services.map(({ metadata }) => metadata.name)).toEqual(["shop-0-0-external", "shop-0-1-external"]);
    expect(services[1]?.spec).toMatchObject({
      type: "NodePort",
      publishNotReadyAddresses: true,
      selector: { "kvcluster.dev/cluster": "shop", "statefulset.kubernetes.io/pod-name": "shop-0-1" },
      externalTrafficPolicy: "Cluster",
      ports: [{ name: "client", port: 6379, targetPort: 6380, protocol: "TCP" }],
    });
    expect(services[0]?.metadata.ownerReferences).toEqual([expect.objectContaining({ uid: "uid-shop" })]);
    expect(services[0]?.spec).not.toHaveProperty("allocateLoadBalancerNodePorts");
    const [balanced] = externalServices(contextWith({ type: "LoadBalancer" }));
    expect(balanced?.spec).toMatchObject({ type: "LoadBalancer", allocateLoadBalancerNodePorts: true });
  });

  it("carry the user's annotations and labels, which replace none of the operator's", () => {
    const labels = { team: "a", "app.kubernetes.io/managed-by": "somebody", "kvcluster.dev/cluster": "other" };
    const [service] = externalServices(contextWith({ type: "NodePort", annotations: { a: "b" }, labels }));
    expect(service?.metadata.annotations).toEqual({ a: "b" });
    expect(service?.metadata.labels).toMatchObject({
      team: "a",
      "app.kubernetes.io/managed-by": "kvcluster-operator",
      "app.kubernetes.io/instance": "shop",
      "kvcluster.dev/cluster": "shop",
      "kvcluster.dev/shard": "0",
    });
  });

  it("lead nobody to a cluster that is held back", () => {
    const [service] = externalServices({ ...contextWith({ type: "NodePort" }), isHeldBack: true });
    expect(service?.spec?.selector).toMatchObject({ "kvcluster.dev/role": "primary" });
  });

  it("have names of at most 63 characters", () => {
    const pod = `${"c".repeat(MAX_CLUSTER_NAME_LENGTH)}-255-5`;
    const [service] = externalServices({ ...contextWith({ type: "NodePort" }), servers: [{ pod, shard: 255 }] });
    expect(service?.metadata.name.length).toBeLessThanOrEqual(63);
  });
});
