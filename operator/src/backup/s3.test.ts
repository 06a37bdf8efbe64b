import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { kvBackupSpecSchema } from "../api/kv-backup.ts";
import { withDefaults } from "../api/schema.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import { exampleCluster } from "../resources/example-cluster.ts";
import { placeOf } from "./backup-place.ts";
import type { Job } from "./job-manifest.ts";
import { restoreJob } from "./restore-job.ts";
import { RESULT, SimulatedBackups } from "./simulated-backups.ts";

const S3 = { bucket: "backups", endpoint: "https://s3.example.com:9000", credentialsSecretRef: { name: "s3" } };
const destination = { s3: { ...S3, prefix: "team-a" } };
const OPTIONS = [
  ...["--s3-endpoint", "https://s3.example.com:9000", "--s3-region", "us-east-1"],
  ...["--s3-credentials", "/run/kv-backup-s3", "--scratch", "/backup"],
];

interface PodSpec {
  readonly containers: readonly [
    { readonly args: readonly string[]; readonly volumeMounts: readonly { readonly name: string }[] },
  ];
  readonly volumes: readonly { readonly name: string }[];
}

const specOf = (job: Job | undefined) =>
  (job?.spec as { readonly template: { readonly spec: PodSpec } } | undefined)?.template.spec;

function expectStore(spec: PodSpec | undefined, verb: string, key: RegExp): void {
  const [container] = spec?.containers ?? [];
  const args = container?.args ?? [];
  expect(args[args.indexOf(verb) + 1]).toMatch(key);
  expect(args).toEqual(expect.arrayContaining(OPTIONS));
  expect(container?.volumeMounts).toContainEqual({ name: "s3", mountPath: "/run/kv-backup-s3" });
  expect(spec?.volumes).toContainEqual({ name: "backup", emptyDir: {} });
  expect(spec?.volumes).toContainEqual({ name: "s3", secret: { secretName: "s3", defaultMode: 0o440 } });
  expect(JSON.stringify(spec)).not.toMatch(/persistentVolumeClaim|secretKeyRef/);
}

let world: SimulatedBackups;
beforeEach(async () => {
  world = await SimulatedBackups.start();
});
afterEach(() => world.stop());

describe("a KVBackup to an S3-compatible store", () => {
  it("is written there, and asks for no volume", async () => {
    world.seedCluster();
    world.seedBackup("now", { destination });
    await world.reconcileBackup("now");
    expectStore(specOf(world.job("now-backup")), "--directory", /^s3:\/\/backups\/team-a\/demo\/now-[\w-]{8}$/);
    expect(world.server.list(RESOURCE_KINDS.PersistentVolumeClaim, "apps")).toEqual([]);
    world.endJob("now-backup", "Complete", JSON.stringify(RESULT));
    await world.reconcileBackup("now");
    const { status } = world.backup("now") ?? {};
    expect(status).toMatchObject({ phase: "Completed", path: expect.stringMatching(/^team-a\/demo\/now-/) });
    expect(status).not.toHaveProperty("claimName");
  });

  it("of Amazon needs no endpoint", async () => {
    world.seedCluster();
    world.seedBackup("now", {
      destination: { s3: { bucket: "b-1", region: "eu-west-1", credentialsSecretRef: { name: "s3" } } },
    });
    await world.reconcileBackup("now");
    const args = specOf(world.job("now-backup"))?.containers[0].args ?? [];
    expect(args).not.toContain("--s3-endpoint");
    expect(args).toEqual(expect.arrayContaining(["--s3-region", "eu-west-1"]));
  });

  it("is deleted there when its schedule keeps no more", async () => {
    world.seedCluster();
    world.seedSchedule("minutely", { retention: { keepLast: 1 }, template: { destination } });
    await world.reconcileSchedule("minutely");
    for (const minute of ["1", "2"]) {
      await world.clock.advance(60_000);
      await world.reconcileSchedule("minutely");
      await world.complete(`minutely-20260101120${minute}`);
    }
    await world.reconcileSchedule("minutely");
    expectStore(
      specOf(world.job("minutely-202601011201-delete")),
      "--delete",
      /^s3:\/\/backups\/team-a\/demo\/minutely-/,
    );
  });

  it("is restored from there", () => {
    const spec = withDefaults(kvBackupSpecSchema, { clusterRef: { name: "demo" }, destination });
    const place = placeOf({ spec, status: { path: "team-a/demo/now-12345678" } });
    if (place === undefined) throw new Error("no place");
    const job = restoreJob({ place, cluster: exampleCluster(), defaultImage: "kv", clusterDomain: "cluster.local" });
    expectStore(specOf(job), "--restore", /^s3:\/\/backups\/team-a\/demo\/now-12345678$/);
    expect(placeOf({ spec, status: {} })).toBeUndefined();
  });
});
