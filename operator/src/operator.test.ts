// The whole operator in one process against the fake API server: start, leadership, hand-over, stop.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { kvClusterSpecSchema } from "./api/kv-cluster.ts";
import { withDefaults } from "./api/schema.ts";
import { type HttpTransport, httpTransport } from "./kube/http-transport.ts";
import { RESOURCE_KINDS } from "./kube/resource-kinds.ts";
import type { KubernetesObject } from "./kubernetes-object.ts";
import { Operator } from "./operator.ts";
import { FakeApiServer } from "./runtime/fake-api-server.ts";
import { silentLogger } from "./runtime/logger.ts";
import { ManualClock } from "./runtime/manual-clock.ts";

let server: FakeApiServer;
let clock: ManualClock;
let running: { operator: Operator; transport: HttpTransport }[];
let lost: string[];

const eventually = (check: () => void | Promise<void>) => vi.waitFor(check, { interval: 5, timeout: 5_000 });
const statefulSets = () => server.list(RESOURCE_KINDS.StatefulSet, "apps").map(({ metadata }) => metadata.name);
const lease = () =>
  server.find<KubernetesObject & { spec: { holderIdentity: string } }>(
    RESOURCE_KINDS.Lease,
    "system",
    "kvcluster-operator",
  );

async function start(identity: string): Promise<Operator> {
  const transport = httpTransport({ url: server.url, requestOptions: async () => ({}) }, clock);
  const operator = new Operator(
    {
      identity,
      namespace: "system",
      watchNamespace: undefined,
      serverImage: "kvcluster/server:test",
      clusterDomain: "cluster.local",
      httpPort: 0,
    },
    { transport, clock, random: () => 0, log: silentLogger, onLeadershipLost: () => lost.push(identity) },
  );
  running.push({ operator, transport });
  await operator.start();
  return operator;
}

async function ask(operator: Operator, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${operator.port}${path}`);
  return { status: response.status, text: await response.text() };
}

beforeEach(async () => {
  server = new FakeApiServer({ kinds: Object.values(RESOURCE_KINDS) });
  await server.start();
  clock = new ManualClock();
  running = [];
  lost = [];
  const { apiVersion, kind } = RESOURCE_KINDS.KVCluster;
  const spec = withDefaults(kvClusterSpecSchema, { shards: 1, replicasPerShard: 0 });
  server.seed({ apiVersion, kind, metadata: { namespace: "apps", name: "demo" }, spec } as KubernetesObject);
});

afterEach(async () => {
  for (const { operator, transport } of running) {
    await operator.stop();
    transport.close();
  }
  await server.stop();
});

describe("the operator", () => {
  it("fills its caches, takes the lease, and reconciles what was there before it", async () => {
    const operator = await start("a");
    await eventually(() => expect(statefulSets()).toEqual(["demo-0"]));
    expect(lease()?.spec.holderIdentity).toBe("a");
    expect(await ask(operator, "/healthz")).toEqual({ status: 200, text: "ok\n" });
    expect(await ask(operator, "/readyz")).toEqual({ status: 200, text: "ok\n" });
    const { text } = await ask(operator, "/metrics");
    expect(text).toContain("kv_operator_leader 1");
    expect(text).toMatch(/kv_operator_reconcile_total\{controller="cluster",result="[a-z]+"\} [1-9]/);
    expect(text).toMatch(/kv_operator_cluster_instances\{namespace="apps",name="demo",state="all"\} \d/);
  });

  it("neither leads nor acts while one kind cannot be listed, and says that it is not ready", async () => {
    server.refuse({ status: 503, path: /poddisruptionbudgets/, times: 1_000 });
    const operator = await start("a");
    await eventually(async () => expect((await ask(operator, "/readyz")).status).toBe(503));
    await clock.advance(60_000);
    expect(await ask(operator, "/healthz")).toMatchObject({ status: 200 });
    expect(lease()).toBeUndefined();
    expect(server.writes).toEqual([]);
  });

  it("asks Kubernetes' own kinds for its own objects only", async () => {
    await start("a");
    await eventually(() => expect(statefulSets()).toEqual(["demo-0"]));
    const pods = server.requests.filter(({ path }) => path === "/api/v1/pods");
    expect(pods.map(({ query }) => query.labelSelector)).toEqual(
      pods.map(() => "app.kubernetes.io/managed-by=kvcluster-operator"),
    );
    expect(pods.length).toBeGreaterThan(0);
  });

  it("hands over to a waiting copy when it stops, and never acts after that", async () => {
    const first = await start("a");
    await eventually(() => expect(first.isLeader).toBe(true));
    const second = await start("b");
    await eventually(async () => expect((await ask(second, "/readyz")).status).toBe(200));
    await eventually(() =>
      expect(server.requests.filter(({ path }) => path.endsWith("/leases/kvcluster-operator")).length).toBeGreaterThan(
        1,
      ),
    );
    expect(second.isLeader).toBe(false);
    await first.stop();
    await eventually(async () => {
      await clock.advance(500);
      expect(second.isLeader).toBe(true);
    });
    expect(lease()?.spec.holderIdentity).toBe("b");
    expect(lost).toEqual([]);
  });
});
