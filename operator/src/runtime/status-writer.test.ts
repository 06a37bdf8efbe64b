import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KubeClient } from "../kube/client.ts";
import { type HttpTransport, httpTransport } from "../kube/http-transport.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { FakeApiServer } from "./fake-api-server.ts";
import { ManualClock } from "./manual-clock.ts";
import { StatusWriter } from "./status-writer.ts";

interface Cluster extends KubernetesObject {
  readonly spec: unknown;
  readonly status?: Record<string, unknown>;
}

let server: FakeApiServer;
let transport: HttpTransport;
let clock: ManualClock;
let writer: StatusWriter;

const condition = (status: string, message = "m") => ({ type: "Ready", status, reason: "R", message });
const live = () => server.find<Cluster>(RESOURCE_KINDS.KVCluster, "default", "demo") as Cluster;

beforeEach(async () => {
  clock = new ManualClock(Date.UTC(2026, 0, 1));
  server = new FakeApiServer({ kinds: Object.values(RESOURCE_KINDS), now: () => clock.now() });
  await server.start();
  transport = httpTransport({ url: server.url, requestOptions: async () => ({}) }, clock);
  writer = new StatusWriter(new KubeClient(transport), clock);
  server.seed<Cluster>({
    apiVersion: "kvcluster.dev/v1alpha1",
    kind: "KVCluster",
    metadata: { namespace: "default", name: "demo" },
    spec: { shards: 3 },
  });
});

afterEach(async () => {
  transport.close();
  await server.stop();
});

describe("a status write", () => {
  it("goes to the status subresource as a merge patch and leaves spec and generation alone", async () => {
    expect(await writer.write(live(), { phase: "Creating" })).toBe(true);
    expect(live()).toMatchObject({ spec: { shards: 3 }, status: { phase: "Creating" }, metadata: { generation: 1 } });
    const [patch] = server.writes;
    expect(patch).toMatchObject({
      contentType: "application/merge-patch+json",
      path: expect.stringMatching(/\/status$/),
    });
  });

  it("is not sent when nothing differs", async () => {
    const status = {
      phase: "Ready",
      conditions: [condition("True")],
      shardStatus: [{ index: 0, primary: "demo-0-0" }],
    };
    await writer.write(live(), status);
    await clock.advance(60_000);
    expect(await writer.write(live(), status)).toBe(false);
    expect(server.writes).toHaveLength(1);
  });

  it("sends only what differs, and null for what is gone", async () => {
    await writer.write(live(), { phase: "Creating", message: "waiting", shards: 3 });
    await writer.write(live(), { phase: "Ready", shards: 3 });
    expect(server.writes[1]?.body).toMatchObject({ status: { phase: "Ready", message: null } });
    expect(live().status).toEqual({ phase: "Ready", shards: 3 });
  });

  it("keeps lastTransitionTime until the condition's status changes", async () => {
    await writer.write(live(), { conditions: [condition("False", "1 of 6 ready")] });
    await clock.advance(10_000);
    await writer.write(live(), { conditions: [condition("False", "2 of 6 ready")] });
    expect(live().status).toMatchObject({
      conditions: [{ message: "2 of 6 ready", lastTransitionTime: "2026-01-01T00:00:00Z" }],
    });
    await clock.advance(10_000);
    await writer.write(live(), { conditions: [condition("True")] });
    expect(live().status).toMatchObject({ conditions: [{ lastTransitionTime: "2026-01-01T00:00:20Z" }] });
  });

  it("uses its own answer while the cache still shows what it showed before", async () => {
    const stale = live();
    await writer.write(stale, { phase: "Creating" });
    expect(await writer.write(stale, { phase: "Creating" })).toBe(false);
    expect(await writer.write(stale, { phase: "Forming" })).toBe(true);
    expect(live().status).toEqual({ phase: "Forming" });
  });

  it("uses its own answer also while the cache shows an earlier write of its own", async () => {
    const first = live();
    await writer.write(first, { phase: "Creating" });
    const second = live();
    await writer.write(first, { phase: "Forming" });
    expect(await writer.write(second, { phase: "Forming" })).toBe(false);
    expect(await writer.write(second, { phase: "Ready" })).toBe(true);
    expect(await writer.write(live(), { phase: "Ready" })).toBe(false);
    expect(live().status).toEqual({ phase: "Ready" });
  });

  it("is refused, not mixed, when someone else wrote since", async () => {
    const stale = live();
    server.setStatus(live(), { phase: "Degraded" });
    await expect(writer.write(stale, { phase: "Ready" })).rejects.toMatchObject({ kind: "conflict" });
    expect(live().status).toEqual({ phase: "Degraded" });
  });
});
