import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { hasOpenssl, type IssuedFiles, TriedAuthority } from "../kv/tried-certificates.ts";
import { decodeData, encodeData, type Manifest } from "../resources/manifest.ts";
import { CLUSTER, type SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, worlds } from "./simulated-life.ts";

const start = worlds();
const SPEC = { shards: 1, replicasPerShard: 1, tls: { secretName: "kv-tls" } };
const SECRET = { apiVersion: "v1", kind: "Secret", metadata: { name: "kv-tls", namespace: CLUSTER.namespace } };

describe.runIf(hasOpenssl)("spec.tls", () => {
  let authority: TriedAuthority;
  let files: IssuedFiles;
  beforeAll(() => {
    authority = new TriedAuthority();
    files = authority.issue("kv");
  });
  afterAll(() => authority.remove());

  function put(world: SimulatedKubernetes, given: Partial<IssuedFiles> = files): void {
    world.clock.nowMs = Date.now();
    const fields = { "tls.crt": given.certificate, "tls.key": given.key, "ca.crt": given.authority };
    const data = encodeData(Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value ?? ""])));
    const existing = world.server.find<Manifest>(RESOURCE_KINDS.Secret, CLUSTER.namespace, "kv-tls");
    if (existing === undefined) world.server.seed({ ...SECRET, data } as KubernetesObject);
    else world.server.change(existing, { data });
  }

  const connection = (world: SimulatedKubernetes) =>
    world.server.find<Manifest>(RESOURCE_KINDS.Secret, CLUSTER.namespace, "kv-connection");

  it("starts nothing without its Secret, says so, and goes on when it is there", async () => {
    const world = await start(SPEC);
    expect(await world.pass()).toEqual({ requeueAfterMs: 30_000 });
    expect(conditionIn(world, "Ready")).toBe("False CertificateMissing");
    expect(conditionIn(world, "CertificateValid")).toBe("False CertificateMissing");
    expect(world.events.filter(({ type }) => type === "Warning").map(({ note }) => note)).toContain(
      'Secret "kv-tls" of spec.tls does not exist',
    );
    expect(world.server.find(RESOURCE_KINDS.StatefulSet, CLUSTER.namespace, "kv-0")).toBeUndefined();
    put(world);
    await world.settle();
    expect(conditionIn(world, "Ready")).toBe("True Serving");
    expect(conditionIn(world, "CertificateValid")).toBe("True Valid");
    expect([...world.identities].map((identity) => identity === undefined)).not.toContain(true);
    expect(decodeData(connection(world)?.data, "ca.crt")).toBe(authority.certificate);
  });

  it("writes nothing once settled", async () => {
    const world = await start(SPEC);
    put(world);
    await world.settle();
    const version = world.server.resourceVersion;
    for (let round = 0; round < 3; round++) {
      world.tick();
      await world.pass();
    }
    expect(world.server.resourceVersion).toBe(version);
  });

  it("of a running cluster without its Secret keeps talking to servers by the authority that it gave out", async () => {
    const world = await start(SPEC);
    put(world);
    await world.settle();
    world.server.remove(SECRET as KubernetesObject);
    world.identities.clear();
    await world.settle();
    expect(conditionIn(world, "Ready")).toBe("True Serving");
    expect(conditionIn(world, "CertificateValid")).toBe("False CertificateMissing");
    expect([...world.identities].map((identity) => identity === undefined)).toEqual(expect.arrayContaining([false]));
    expect([...world.identities]).not.toContain(undefined);
    expect(decodeData(connection(world)?.data, "ca.crt")).toBe(authority.certificate);
  });

  it("tells of a certificate that ends soon, and restarts nobody for a new one", async () => {
    const world = await start(SPEC);
    put(world);
    await world.settle();
    const pods = world.pods().map(({ metadata }) => metadata.uid);
    world.clock.nowMs = Date.now() + 0.95 * 86_400_000;
    await world.pass();
    expect(conditionIn(world, "CertificateValid")).toBe("False CertificateExpiring");
    expect(conditionIn(world, "Ready")).toBe("True Serving");
    expect(world.events.map(({ reason }) => reason)).toContain("CertificateExpiring");
    put(world, authority.issue("kv", { days: 2 }));
    await world.settle();
    expect(conditionIn(world, "CertificateValid")).toBe("True Valid");
    expect(world.pods().map(({ metadata }) => metadata.uid)).toEqual(pods);
  });
});
