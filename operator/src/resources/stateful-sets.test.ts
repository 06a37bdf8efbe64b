import { describe, expect, it } from "vitest";
import { exampleContext } from "./example-cluster.ts";
import type { Manifest } from "./manifest.ts";
import { statefulSets } from "./stateful-sets.ts";

interface Template {
  readonly metadata: { readonly labels: Record<string, string>; readonly annotations: Record<string, string> };
  readonly spec: {
    readonly containers: readonly (Record<string, unknown> & { args: string[]; command: string[] })[];
    readonly volumes: readonly Record<string, unknown>[];
    readonly affinity: { readonly podAntiAffinity: Record<string, unknown[]> };
  } & Record<string, unknown>;
}

function build(spec: Readonly<Record<string, unknown>> = {}): readonly Manifest[] {
  return statefulSets(exampleContext(spec));
}

function templateOf(manifest: Manifest | undefined): Template {
  return manifest?.spec?.template as Template;
}

function containerOf(manifest: Manifest | undefined) {
  const [container] = templateOf(manifest).spec.containers;
  if (container === undefined) throw new Error("no container");
  return container;
}

describe("statefulSets", () => {
  it("make one a shard, owned by the cluster, with a primary and its replicas", () => {
    const sets = build({ shards: 3, replicasPerShard: 2 });
    expect(sets.map(({ metadata }) => metadata.name)).toEqual(["shop-0", "shop-1", "shop-2"]);
    expect(sets[1]).toMatchObject({
      metadata: {
        namespace: "apps",
        labels: { "kvcluster.dev/cluster": "shop", "kvcluster.dev/shard": "1" },
        ownerReferences: [{ kind: "KVCluster", name: "shop", uid: "uid-shop", controller: true }],
      },
      spec: {
        replicas: 3,
        serviceName: "shop-nodes",
        podManagementPolicy: "Parallel",
        updateStrategy: { type: "OnDelete" },
        selector: { matchLabels: { "kvcluster.dev/cluster": "shop", "kvcluster.dev/shard": "1" } },
      },
    });
  });

  it("run pods under the restricted standard", () => {
    const [set] = build();
    const template = templateOf(set);
    expect(template.spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 10001,
        fsGroup: 10001,
        seccompProfile: { type: "RuntimeDefault" },
      },
    });
    expect(containerOf(set).securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });

  it("start the server with its stable host name and keep the password out of arguments and environment", () => {
    const container = containerOf(build()[0]);
    expect(container.command).toEqual(["kv-server", "/etc/kvcluster/kvcluster.conf"]);
    expect(container.args).toEqual([
      "--cluster-announce-hostname",
      "$(POD_NAME).shop-nodes.apps.svc.cluster.local",
      "--cluster-announce-ip",
      "$(POD_IP)",
    ]);
    expect(JSON.stringify(build())).not.toContain("s3cret");
  });

  it("start the servers of a group so that they wait for their role, and one alone so that it leads", () => {
    const argsOf = (spec: Readonly<Record<string, unknown>>) => containerOf(build({ shards: 1, ...spec })[0]).args;
    const announced = [
      "--cluster-enabled",
      "no",
      "--replica-announce-ip",
      "$(POD_NAME).shop-nodes.apps.svc.cluster.local",
    ];
    expect(argsOf({ mode: "Replication" })).toEqual([...announced, "--group-lease", "10"]);
    expect(argsOf({ mode: "Standalone", replicasPerShard: 0 })).toEqual(announced);
  });

  it("hand their shard over before they stop", () => {
    const command = ["kv-handover", "6379", "/etc/kvcluster-auth/password"];
    expect(containerOf(build()[0]).lifecycle).toEqual({ preStop: { exec: { command } } });
  });

  it("probe the admin port", () => {
    expect(containerOf(build()[0])).toMatchObject({
      startupProbe: { httpGet: { path: "/healthz", port: 9121 } },
      livenessProbe: { httpGet: { path: "/healthz", port: 9121 } },
      readinessProbe: { httpGet: { path: "/readyz", port: 9121 } },
    });
  });

  it("claim a volume a pod and keep it unless told otherwise", () => {
    const [set] = build({ storage: { size: "5Gi", storageClassName: "fast" } });
    expect(set?.spec).toMatchObject({
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      volumeClaimTemplates: [
        { metadata: { name: "data" }, spec: { storageClassName: "fast", resources: { requests: { storage: "5Gi" } } } },
      ],
    });
    expect(build({ storage: { reclaimPolicy: "Delete" } })[0]?.spec).toMatchObject({
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete" },
    });
  });

  it("keep the volumes of a cluster that is protected from deletion", () => {
    const context = exampleContext({ storage: { reclaimPolicy: "Delete" } });
    const annotations = { "kvcluster.dev/deletion-protection": "true" };
    const cluster = { ...context.cluster, metadata: { ...context.cluster.metadata, annotations } };
    expect(statefulSets({ ...context, cluster })[0]?.spec).toMatchObject({
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain" },
    });
  });

  it("use a scratch volume for ephemeral storage", () => {
    const [set] = build({ storage: { type: "Ephemeral" } });
    expect(set?.spec).not.toHaveProperty("volumeClaimTemplates");
    expect(templateOf(set).spec.volumes).toContainEqual({ name: "data", emptyDir: { sizeLimit: "1Gi" } });
  });

  it("change the template with directives that need a restart, not with those that change live", () => {
    const template = (spec: Readonly<Record<string, unknown>>) => templateOf(build(spec)[0]);
    expect(template({ config: { databases: "4" } })).not.toEqual(template({}));
    expect(template({ config: { hz: "20" }, memory: { maxMemory: "1Gi" } })).toEqual(template({}));
  });

  it("take image, pull settings and resources from the spec", () => {
    const [set] = build({
      image: "my/kv:2",
      imagePullPolicy: "Never",
      imagePullSecrets: [{ name: "regcred" }],
      resources: { limits: { memory: "1Gi" } },
    });
    expect(containerOf(set)).toMatchObject({
      image: "my/kv:2",
      imagePullPolicy: "Never",
      resources: { limits: { memory: "1Gi" } },
    });
    expect(templateOf(set).spec).toMatchObject({ imagePullSecrets: [{ name: "regcred" }] });
    expect(containerOf(build()[0]).image).toBe("registry.example/kv-server:1.0.0");
  });

  it("keep the pods of a shard apart as wished, beside the user's own affinity", () => {
    const antiAffinity = (scheduling: unknown) => templateOf(build({ scheduling })[1]).spec.affinity.podAntiAffinity;
    const preferred = antiAffinity({}).preferredDuringSchedulingIgnoredDuringExecution;
    expect(preferred).toMatchObject([
      { weight: 100, podAffinityTerm: { topologyKey: "kubernetes.io/hostname" } },
      { weight: 50, podAffinityTerm: { labelSelector: { matchLabels: { "kvcluster.dev/shard": "1" } } } },
    ]);
    expect(antiAffinity({ spread: { node: "Required", zone: "Disabled" } })).toEqual({
      requiredDuringSchedulingIgnoredDuringExecution: [
        expect.objectContaining({ topologyKey: "kubernetes.io/hostname" }),
      ],
    });
    const own = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "rack" }] } };
    expect(antiAffinity({ affinity: own, spread: { node: "Disabled", zone: "Disabled" } })).toEqual(
      own.podAntiAffinity,
    );
  });
});
