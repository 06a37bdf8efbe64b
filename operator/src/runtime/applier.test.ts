import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KubeClient } from "../kube/client.ts";
import { type HttpTransport, httpTransport } from "../kube/http-transport.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { Applier } from "./applier.ts";
import { FakeApiServer } from "./fake-api-server.ts";
import { ManualClock } from "./manual-clock.ts";

interface Service extends KubernetesObject {
  readonly spec: { readonly ports: readonly { readonly port: number }[]; readonly type?: string };
  readonly status?: unknown;
}

let server: FakeApiServer;
let transport: HttpTransport;
let applier: Applier;

const service = (port: number, annotations: Record<string, string> = {}): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: "default", name: "demo", annotations },
  spec: { ports: [{ port }] },
});
const live = () => server.find<Service>(RESOURCE_KINDS.Service, "default", "demo");
const applies = () => server.writes.filter(({ contentType }) => contentType === "application/apply-patch+yaml");

beforeEach(async () => {
  server = new FakeApiServer({
    kinds: Object.values(RESOURCE_KINDS),
    // Like the real server, it fills in what was left open, so the live object never equals the wanted one.
    admit: (object) => ({ ...object, spec: { type: "ClusterIP", ...(object as Service).spec } }) as KubernetesObject,
  });
  await server.start();
  transport = httpTransport({ url: server.url, requestOptions: async () => ({}) }, new ManualClock());
  applier = new Applier(new KubeClient(transport));
});

afterEach(async () => {
  transport.close();
  await server.stop();
});

describe("apply", () => {
  it("creates the object with one field manager, by server-side apply", async () => {
    expect(await applier.apply(service(1), undefined)).toBe(true);
    expect(live()?.spec).toEqual({ ports: [{ port: 1 }], type: "ClusterIP" });
    expect(applies()[0]?.query).toEqual({ fieldManager: "kv-operator", force: "true" });
  });

  it("sends nothing while neither side changed, though the server added defaults", async () => {
    await applier.apply(service(1), undefined);
    for (let pass = 0; pass < 3; pass++) {
      expect(await applier.apply(service(1), live())).toBe(false);
    }
    expect(applies()).toHaveLength(1);
  });

  it("sends nothing when only the status moved", async () => {
    await applier.apply(service(1), undefined);
    server.setStatus(live() as Service, { loadBalancer: {} });
    expect(await applier.apply(service(1), live())).toBe(false);
  });

  it("sends what changed in the wish, and removes what is no longer wished", async () => {
    await applier.apply(service(1, { keep: "1", drop: "1" }), undefined);
    expect(await applier.apply(service(2, { keep: "1" }), live())).toBe(true);
    expect(live()).toMatchObject({ spec: { ports: [{ port: 2 }] } });
    expect(live()?.metadata.annotations).toEqual({ keep: "1" });
  });

  it("repairs drift that someone else caused, and leaves their own fields alone", async () => {
    await applier.apply(service(1), undefined);
    server.change(live() as Service, { spec: { ports: [{ port: 9 }] }, metadata: { annotations: { theirs: "x" } } });
    expect(await applier.apply(service(1), live())).toBe(true);
    expect(live()?.spec.ports).toEqual([{ port: 1 }]);
    expect(live()?.metadata.annotations).toEqual({ theirs: "x" });
    expect(await applier.apply(service(1), live())).toBe(false);
  });

  it("waits for a cache that has not seen the write yet", async () => {
    await applier.apply(service(1), undefined);
    const stale = live();
    expect(await applier.apply(service(2), stale)).toBe(true);
    expect(await applier.apply(service(2), stale)).toBe(false);
    expect(await applier.apply(service(2), live())).toBe(false);
  });

  it("costs a new operator one apply that changes nothing", async () => {
    await applier.apply(service(1), undefined);
    const version = server.resourceVersion;
    const next = new Applier(new KubeClient(transport));
    expect(await next.apply(service(1), live())).toBe(true);
    expect(await next.apply(service(1), live())).toBe(false);
    expect(server.resourceVersion).toBe(version);
  });

  it("creates again what was deleted", async () => {
    await applier.apply(service(1), undefined);
    server.remove(live() as Service);
    expect(await applier.apply(service(1), undefined)).toBe(true);
    expect(live()).toBeDefined();
  });

  it("tries again after a refusal", async () => {
    server.refuse({ status: 429, method: "PATCH", retryAfterSeconds: 3 });
    await expect(applier.apply(service(1), undefined)).rejects.toMatchObject({
      kind: "throttled",
      retryAfterMs: 3_000,
    });
    expect(await applier.apply(service(1), undefined)).toBe(true);
  });
});
