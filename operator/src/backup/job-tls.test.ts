import { describe, expect, it } from "vitest";
import type { KVBackup } from "../api/kv-backup.ts";
import { exampleCluster } from "../resources/example-cluster.ts";
import { backupJob } from "./backup-job.ts";
import { onClaim } from "./backup-place.ts";
import type { Job } from "./job-manifest.ts";
import { importJob, restoreJob } from "./restore-job.ts";

const TLS = { tls: { secretName: "shop-tls" } };
const OPTIONS = ["--tls", "--cacert", "/run/kv-backup-tls/ca.crt", "--cert", "/run/kv-backup-tls/tls.crt", "--key"];

interface Container {
  readonly args: readonly string[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface PodSpec {
  readonly containers: readonly [Container];
  readonly initContainers?: readonly [Container];
  readonly volumes: readonly { readonly name: string; readonly secret?: { readonly secretName: string } }[];
}

const specOf = ({ spec }: Job) => (spec as { readonly template: { readonly spec: PodSpec } }).template.spec;
const common = { defaultImage: "kv", clusterDomain: "cluster.local" };

function taking(spec: Readonly<Record<string, unknown>>): PodSpec {
  const backup = {
    metadata: { name: "today", namespace: "apps", uid: "uid-today" },
    spec: { clusterRef: { name: "shop" }, verify: true, timeoutSeconds: 60 },
  } as KVBackup;
  const sources = [{ index: 0, pod: "shop-0-0", address: "shop-0-0:6379", slots: "" }];
  return specOf(backupJob({ ...common, backup, cluster: exampleCluster(spec), place: onClaim("claim", "p"), sources }));
}

function expectTls({ containers: [container], volumes }: PodSpec): void {
  expect(container.args).toEqual(expect.arrayContaining(OPTIONS));
  expect(container.volumeMounts).toContainEqual({ name: "tls", mountPath: "/run/kv-backup-tls" });
  const volume = volumes.find(({ name }) => name === "tls");
  expect(volume?.secret).toMatchObject({ secretName: "shop-tls", defaultMode: 0o440 });
}

describe("Jobs of a cluster with spec.tls", () => {
  it("take a backup by TLS", () => expectTls(taking(TLS)));

  it("restore one by TLS", () => {
    expectTls(specOf(restoreJob({ ...common, cluster: exampleCluster(TLS), place: onClaim("claim", "p") })));
  });

  it("import from a server without it", () => {
    const source = { addresses: ["old:6379"] };
    const spec = specOf(importJob({ ...common, cluster: exampleCluster(TLS), source }));
    expectTls(spec);
    expect(spec.initContainers?.[0].args).not.toContain("--tls");
    expect(spec.initContainers?.[0].volumeMounts.map(({ name }) => name)).toEqual(["backup"]);
  });

  it("import from a server that speaks TLS, by an authority and a certificate of its own", () => {
    const caSecretRef = { name: "old-ca", key: "root.pem" };
    const source = { addresses: ["old:6379"], tls: { caSecretRef, clientSecretName: "reader" } };
    const { initContainers, volumes, ...spec } = specOf(importJob({ ...common, cluster: exampleCluster(TLS), source }));
    expectTls({ ...spec, volumes });
    const directory = "/run/kv-backup-tls";
    expect(initContainers?.[0].args.slice(-7)).toEqual([
      ...["--tls", "--cacert", `${directory}/ca.crt`],
      ...["--cert", `${directory}/tls.crt`, "--key", `${directory}/tls.key`],
    ]);
    expect(initContainers?.[0].volumeMounts).toContainEqual({ name: "fetch-tls", mountPath: directory });
    expect(volumes.find(({ name }) => name === "fetch-tls")).toEqual({
      name: "fetch-tls",
      projected: {
        defaultMode: 0o440,
        sources: [
          { secret: { name: "old-ca", items: [{ key: "root.pem", path: "ca.crt" }] } },
          {
            secret: {
              name: "reader",
              items: [
                { key: "tls.crt", path: "tls.crt" },
                { key: "tls.key", path: "tls.key" },
              ],
            },
          },
        ],
      },
    });
  });

  it("import from a server of an authority that everybody knows", () => {
    const source = { addresses: ["old.example:6379"], tls: {} };
    const { initContainers, containers, volumes } = specOf(
      importJob({ ...common, cluster: exampleCluster({}), source }),
    );
    expect(initContainers?.[0].args.at(-1)).toBe("--tls");
    expect(initContainers?.[0].volumeMounts.map(({ name }) => name)).toEqual(["backup"]);
    expect(containers[0].args).not.toContain("--tls");
    expect(volumes.map(({ name }) => name)).toEqual(["backup", "backup-password"]);
  });

  it("are as ever without it", () => {
    const { containers, volumes } = taking({});
    expect(containers[0].args).not.toContain("--tls");
    expect(volumes.map(({ name }) => name)).toEqual(["backup", "backup-password"]);
  });
});
