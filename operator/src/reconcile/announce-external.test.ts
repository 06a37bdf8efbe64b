import { describe, expect, it } from "vitest";
import { conditionOf, type UntimedCondition } from "../api/condition.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { Manifest } from "../resources/manifest.ts";
import { CLUSTER, type SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, go, worlds } from "./simulated-life.ts";

const startWorld = worlds();
const DIRECTIVES = ["cluster-external-port", "cluster-announce-external-host", "cluster-announce-external-port"];

async function start(external: object | null = { type: "NodePort" }, spec = {}): Promise<SimulatedKubernetes> {
  const networking = external === null ? {} : { external };
  return await startWorld({ shards: 3, replicasPerShard: 1, networking, ...spec });
}

const edit = (seen: SimulatedKubernetes, external: object | null) =>
  seen.server.change(seen.cluster(), { spec: { networking: { external } } });
const services = (seen: SimulatedKubernetes) =>
  seen.server
    .list<Manifest>(RESOURCE_KINDS.Service, CLUSTER.namespace)
    .filter(({ metadata }) => metadata.name.endsWith("-external"));
const nodePort = (seen: SimulatedKubernetes, pod: string) => {
  const { spec } = services(seen).find(({ metadata }) => metadata.name === `${pod}-external`) ?? {};
  return (spec?.ports as readonly { readonly nodePort: number }[] | undefined)?.[0]?.nodePort;
};
/** Open port, host and port for outside of each server, by pod. */
const announced = (seen: SimulatedKubernetes) =>
  new Map(
    seen.servers.nodes.map(({ pod, id }) => [pod, [...seen.configuration.read(id, DIRECTIVES).values()].join(" ")]),
  );
const file = (seen: SimulatedKubernetes) =>
  seen.server.find<Manifest>(RESOURCE_KINDS.ConfigMap, CLUSTER.namespace, "kv-config")?.data?.["kvcluster.conf"];
const messageOf = (seen: SimulatedKubernetes) =>
  conditionOf<UntimedCondition>(seen.cluster().status as never, "ExternalAccess")?.message;
const restarts = (seen: SimulatedKubernetes) =>
  seen.server.writes.filter(({ method, path }) => method === "DELETE" && path.includes("/pods/")).length;

describe("access from outside by node ports", () => {
  it("has every server announce its node and port, and is quiet then", async () => {
    const seen = await start();
    await seen.settle();
    expect(services(seen)).toHaveLength(6);
    for (const [pod, text] of announced(seen)) expect(text).toBe(`6380 192.168.0.1 ${nodePort(seen, pod)}`);
    expect(new Set(announced(seen).values()).size).toBe(6);
    expect(file(seen)).toContain("cluster-external-port 6380\n");
    expect(conditionIn(seen, "ExternalAccess")).toBe("True Announced");
    const { endpoints } = seen.cluster().status as { readonly endpoints: Record<string, string> };
    expect(endpoints.external?.split(",")).toContain(`192.168.0.1:${nodePort(seen, "kv-0-0")}`);
    const version = seen.server.resourceVersion;
    await go(seen, 4);
    expect(seen.server.resourceVersion).toBe(version);
  });

  it("is opened in a running cluster without a restart", async () => {
    const seen = await start(null);
    await seen.settle();
    expect([services(seen), conditionIn(seen, "ExternalAccess")]).toEqual([[], undefined]);
    edit(seen, { type: "NodePort" });
    await seen.settle();
    expect([conditionIn(seen, "ExternalAccess"), restarts(seen)]).toEqual(["True Announced", 0]);
  });

  it("announces the node that a pod has moved to", async () => {
    const seen = await start();
    await seen.settle();
    seen.outside.nodeAddresses.set("kv-1-0", "192.168.0.7");
    const pod = seen.pods().find(({ metadata }) => metadata.name === "kv-1-0");
    if (pod === undefined) throw new Error("no such pod");
    seen.server.remove(pod);
    await seen.settle();
    expect(announced(seen).get("kv-1-0")).toBe(`6380 192.168.0.7 ${nodePort(seen, "kv-1-0")}`);
    const notes = seen.events.filter(({ reason }) => reason === "ExternalAddressChanged").map(({ note }) => note);
    expect(notes.at(-1)).toBe(`Servers announce for outside: kv-1-0 192.168.0.7:${nodePort(seen, "kv-1-0")}`);
  });

  it("announces the host that the spec gives in the place of each node's address", async () => {
    const seen = await start({ type: "NodePort", host: "kv.example.org" });
    await seen.settle();
    expect(announced(seen).get("kv-2-1")).toBe(`6380 kv.example.org ${nodePort(seen, "kv-2-1")}`);
    edit(seen, { type: "NodePort", host: "2001:db8::1" });
    await seen.settle();
    const { endpoints } = seen.cluster().status as { readonly endpoints: Record<string, string> };
    expect(endpoints.external?.split(",")).toContain(`[2001:db8::1]:${nodePort(seen, "kv-0-0")}`);
  });

  it("goes with the Services when the spec asks for it no more, from a server that was away too", async () => {
    const seen = await start();
    await seen.settle();
    const away = seen.servers.nodes[2];
    if (away === undefined) throw new Error("no such server");
    away.isSilent = true;
    edit(seen, null);
    await go(seen, 3);
    expect([services(seen), conditionIn(seen, "ExternalAccess")]).toEqual([[], undefined]);
    expect([...announced(seen)].filter(([, text]) => text !== "0  0").map(([pod]) => pod)).toEqual([away.pod]);
    expect(file(seen)).toContain("cluster-external-port");
    away.isSilent = false;
    await seen.settle();
    expect([...new Set(announced(seen).values())]).toEqual(["0  0"]);
    expect(file(seen)).not.toContain("cluster-external-port");
    expect((seen.cluster().status as { endpoints: object }).endpoints).not.toHaveProperty("external");
    expect(restarts(seen)).toBe(0);
  });

  it("follows the number of shards; a shard that leaves is reached as long as it is there", async () => {
    const seen = await start({ type: "NodePort" }, { replicasPerShard: 0 });
    await seen.settle();
    seen.server.change(seen.cluster(), { spec: { shards: 4 } });
    await seen.settle();
    const names = () => services(seen).map(({ metadata }) => metadata.name);
    expect([names().includes("kv-3-0-external"), names().length]).toEqual([true, 4]);
    expect(announced(seen).get("kv-3-0")).toBe(`6380 192.168.0.1 ${nodePort(seen, "kv-3-0")}`);
    seen.server.change(seen.cluster(), { spec: { shards: 3 } });
    await go(seen, 1);
    expect(names()).toHaveLength(4);
    await seen.settle();
    expect(names()).toEqual(["kv-0-0-external", "kv-1-0-external", "kv-2-0-external"]);
  });

  it("is told of in servers' words by an image that does not know it, and is in no file by which that would not start", async () => {
    const seen = await start(null);
    await seen.settle();
    for (const directive of DIRECTIVES) seen.configuration.unknown.add(directive);
    edit(seen, { type: "NodePort" });
    await go(seen, 3);
    expect(conditionIn(seen, "ExternalAccess")).toBe("False ExternalAddressRefused");
    expect(messageOf(seen)).toContain("Unknown option");
    expect(file(seen)).not.toContain("cluster-external-port");
  });

  it("is not said to be there while a server did not answer", async () => {
    const seen = await start();
    await seen.settle();
    const [away] = seen.servers.nodes;
    if (away === undefined) throw new Error("no such server");
    away.isSilent = true;
    await go(seen, 2);
    expect([conditionIn(seen, "ExternalAccess"), messageOf(seen)]).toEqual([
      "Unknown ServersUnheard",
      "1 of 6 servers did not answer",
    ]);
  });
});

describe("access from outside by load balancers", () => {
  const balance = (seen: SimulatedKubernetes, third: number) => {
    for (const [index, { pod }] of seen.servers.nodes.entries())
      seen.outside.balancers.set(`${pod}-external`, `203.0.${third}.${index + 1}`);
  };

  it("waits for their addresses, and announces them", async () => {
    const seen = await start({ type: "LoadBalancer" });
    await seen.settle();
    expect(conditionIn(seen, "ExternalAccess")).toBe("False ExternalAddressPending");
    expect(messageOf(seen)).toMatch(/^No address yet: Service kv-0-0-external, .* and 3 more$/);
    expect(
      seen.events.filter(({ reason, type }) => reason === "ExternalAddressPending" && type === "Normal"),
    ).toHaveLength(1);
    balance(seen, 113);
    await seen.settle();
    expect(announced(seen).get(seen.servers.nodes[1]?.pod ?? "")).toBe("6380 203.0.113.2 6379");
    expect(conditionIn(seen, "ExternalAccess")).toBe("True Announced");
  });

  it("announces another address when there is one, and stays with the last while there is none", async () => {
    const seen = await start({ type: "LoadBalancer" });
    balance(seen, 113);
    await seen.settle();
    seen.outside.balancers.clear();
    await go(seen, 3);
    expect([announced(seen).get("kv-0-0"), conditionIn(seen, "ExternalAccess")]).toEqual([
      "6380 203.0.113.1 6379",
      "False ExternalAddressPending",
    ]);
    balance(seen, 114);
    await seen.settle();
    expect(announced(seen).get("kv-0-0")).toBe("6380 203.0.114.1 6379");
  });

  it("becomes access by node ports, and no address of a balancer is announced any more", async () => {
    const seen = await start({ type: "LoadBalancer" });
    balance(seen, 113);
    await seen.settle();
    edit(seen, { type: "NodePort" });
    await seen.settle();
    expect(announced(seen).get("kv-0-0")).toBe(`6380 192.168.0.1 ${nodePort(seen, "kv-0-0")}`);
  });
});
