// The client over real HTTP: what the generated client was measured to get wrong must come out right here.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { FakeApiServer } from "../runtime/fake-api-server.ts";
import { ManualClock } from "../runtime/manual-clock.ts";
import { ApiError, errorFromAnswer } from "./api-error.ts";
import { KubeClient } from "./client.ts";
import { type HttpTransport, httpTransport } from "./http-transport.ts";
import { parseKubeConfig } from "./kube-config.ts";
import { PERMISSIONS, type Permission, policyRule } from "./permissions.ts";
import { pathOf, RESOURCE_KINDS, resourceKindOf } from "./resource-kinds.ts";

const KIND = RESOURCE_KINDS.ConfigMap;
const NAME = { namespace: "default", name: "demo" };

interface ConfigMap extends KubernetesObject {
  readonly data?: Record<string, string>;
}

let server: FakeApiServer;
let transport: HttpTransport;
let client: KubeClient;

const configMap = (data: Record<string, string> = {}, name = "demo"): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace: "default", name },
  data,
});

beforeEach(async () => {
  server = new FakeApiServer({ kinds: Object.values(RESOURCE_KINDS) });
  await server.start();
  transport = httpTransport({ url: server.url, requestOptions: async () => ({}) }, new ManualClock());
  client = new KubeClient(transport);
});

afterEach(async () => {
  transport.close();
  await server.stop();
});

describe("the client", () => {
  it("answers a missing object with undefined and deletes it without complaint", async () => {
    expect(await client.get(KIND, NAME)).toBeUndefined();
    expect(await client.delete(KIND, NAME)).toBe(false);
  });

  it("creates, reads, replaces and deletes", async () => {
    const created = await client.create(configMap({ a: "1" }));
    expect(created.metadata.uid).toBeDefined();
    const replaced = await client.replace({ ...created, data: { a: "2" } });
    expect(await client.get<ConfigMap>(KIND, NAME)).toEqual(replaced);
    expect(await client.delete(KIND, NAME)).toBe(true);
    expect(await client.get(KIND, NAME)).toBeUndefined();
  });

  it("lists page after page, with apiVersion and kind on each item", async () => {
    for (let index = 0; index < 501; index++) {
      server.seed(configMap({}, `map-${index}`));
    }
    const items = await client.list(KIND);
    expect(items).toHaveLength(501);
    expect(items[500]).toMatchObject({ apiVersion: "v1", kind: "ConfigMap" });
    expect(server.requests).toHaveLength(2);
  });

  it("sends merge patches as merge patches", async () => {
    const live = server.seed(configMap({ a: "1", b: "2" }));
    const patched = await client.mergePatch(live, { data: { a: null, c: "3" } });
    expect(patched.data).toEqual({ b: "2", c: "3" });
    expect(server.writes[0]?.contentType).toBe("application/merge-patch+json");
  });

  it("applies with its field manager and force", async () => {
    await client.apply(configMap({ a: "1" }));
    expect(server.writes[0]).toMatchObject({
      contentType: "application/apply-patch+yaml",
      query: { fieldManager: "kv-operator", force: "true" },
    });
  });

  it("refuses to overwrite a version it has not seen", async () => {
    const live = server.seed(configMap());
    server.change(live, { data: { theirs: "1" } });
    await expect(client.replace({ ...live, data: { ours: "1" } })).rejects.toMatchObject({
      kind: "conflict",
      status: 409,
    });
  });

  it("does not delete a namesake", async () => {
    server.seed(configMap());
    await expect(client.delete(KIND, NAME, { uid: "another" })).rejects.toMatchObject({ kind: "conflict" });
    expect(await client.get(KIND, NAME)).toBeDefined();
  });

  it("tells an object that exists already from a conflict", async () => {
    server.seed(configMap());
    await expect(client.create(configMap())).rejects.toMatchObject({ kind: "alreadyExists", status: 409 });
  });

  it.each([
    [400, "invalid"],
    [401, "unauthorized"],
    [403, "forbidden"],
    [409, "conflict"],
    [410, "gone"],
    [422, "invalid"],
    [429, "throttled"],
    [500, "unavailable"],
    [503, "unavailable"],
  ])("classifies status %d as %s and keeps the server's message", async (status, kind) => {
    server.refuse({ status });
    const failure = client.list(KIND);
    await expect(failure).rejects.toBeInstanceOf(ApiError);
    await expect(failure).rejects.toMatchObject({
      kind,
      status,
      message: expect.stringMatching(/^GET .*: refused by the test$/),
    });
  });

  it("passes Retry-After on", async () => {
    server.refuse({ status: 429, retryAfterSeconds: 11 });
    await expect(client.get(KIND, NAME)).rejects.toMatchObject({ retryAfterMs: 11_000 });
  });

  it("reports a connection that cannot be made as an error", async () => {
    const nowhere = httpTransport({ url: "http://127.0.0.1:1", requestOptions: async () => ({}) }, new ManualClock());
    await expect(new KubeClient(nowhere).get(KIND, NAME)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    nowhere.close();
  });

  it("asks for credentials before each request, since tokens are renewed on disk", async () => {
    const tokens = ["first", "second"];
    const seen: unknown[] = [];
    const renewing = httpTransport(
      {
        url: server.url,
        requestOptions: async () => {
          const headers = { authorization: `Bearer ${tokens.shift()}` };
          seen.push(headers.authorization);
          return { headers };
        },
      },
      new ManualClock(),
    );
    await new KubeClient(renewing).list(KIND);
    await new KubeClient(renewing).list(KIND);
    expect(seen).toEqual(["Bearer first", "Bearer second"]);
    renewing.close();
  });
});

describe("an answer that is no Kubernetes Status", () => {
  const facts = { request: "GET /x", status: 502, body: "<html>bad gateway</html>" };

  it("becomes the same kind of error with the start of what it said", () => {
    expect(errorFromAnswer(facts, 0)).toMatchObject({
      kind: "unavailable",
      message: "GET /x: <html>bad gateway</html>",
    });
  });

  it("may carry Retry-After as a date", () => {
    const nowMs = Date.UTC(2026, 0, 1);
    const retryAfter = new Date(nowMs + 90_000).toUTCString();
    expect(errorFromAnswer({ ...facts, retryAfter }, nowMs).retryAfterMs).toBe(90_000);
  });
});

describe("a kubeconfig", () => {
  const text = (cluster: string) => `
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: c, cluster: {${cluster}}}]
users: [{name: u, user: {token: secret}}]
contexts: [{name: here, context: {cluster: c, user: u, namespace: apps}}]
`;

  it("gives address, namespace and credentials, and leaves connections to our agent", async () => {
    const { endpoint, namespace } = parseKubeConfig(
      text('server: "https://kube.example:6443", insecure-skip-tls-verify: true'),
    );
    const options = await endpoint.requestOptions();
    expect(namespace).toBe("apps");
    expect(endpoint.url).toBe("https://kube.example:6443");
    expect(options.headers).toMatchObject({ Authorization: "Bearer secret" });
    expect(options.agent).toBeUndefined();
  });

  it("is refused for plain http unless TLS checks are off", async () => {
    const plain = parseKubeConfig(text('server: "http://kube.example"'));
    await expect(plain.endpoint.requestOptions()).rejects.toThrow(/HTTP protocol is not allowed/);
    const allowed = parseKubeConfig(text(`server: "${server.url}", insecure-skip-tls-verify: true`));
    const reached = httpTransport(allowed.endpoint, new ManualClock());
    expect(await new KubeClient(reached).list(KIND)).toEqual([]);
    reached.close();
  });
});

describe("the table of kinds", () => {
  it("gives the paths of core and of group resources", () => {
    expect(pathOf(RESOURCE_KINDS.Pod, "ns", "a")).toBe("/api/v1/namespaces/ns/pods/a");
    expect(pathOf(RESOURCE_KINDS.StatefulSet, "")).toBe("/apis/apps/v1/statefulsets");
  });

  it("refuses a kind that is not in it", () => {
    expect(() => resourceKindOf({ apiVersion: "v1", kind: "Node" })).toThrow(/Kind "Node"/);
  });
});

describe("the permissions", () => {
  it("cover every kind, each row once and with a reason", () => {
    const rows = PERMISSIONS.map((permission) => policyRule(permission).resources[0]);
    expect(new Set(rows).size).toBe(rows.length);
    expect(new Set(PERMISSIONS.map(({ kind }) => kind))).toEqual(new Set(Object.keys(RESOURCE_KINDS)));
    for (const { why } of PERMISSIONS) {
      expect(why).toMatch(/^[a-z].*[^.]$/);
    }
  });

  it("allow no deleting but of backups that retention lets go, of drained shards, of pods to restart and of what holds nothing", () => {
    const permissions: readonly Permission[] = PERMISSIONS;
    const deletable = permissions.filter(({ verbs }) => verbs.includes("delete")).map(({ kind }) => kind);
    expect(deletable).toEqual(["KVBackup", "StatefulSet", "Pod", "Service", "PodDisruptionBudget", "NetworkPolicy"]);
  });
});
