// Backups: files that Redis' own checker accepts, and a schedule that keeps exactly what it was told to keep.
import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { getObject, type KubernetesObject, kubectl, listObjects } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, restrictedContainer, restrictedPod, scene } from "../harness/scene.ts";

interface KVBackup extends KubernetesObject {
  readonly status?: KubernetesObject["status"] & {
    readonly message?: string;
    readonly claimName?: string;
    readonly path?: string;
    readonly keys?: number;
    readonly sizeBytes?: number;
    readonly shards?: readonly {
      readonly file: string;
      readonly sizeBytes: number;
      readonly keys: number;
      readonly sha256: string;
    }[];
  };
}

const KEYS = 5_000;
const KEEP = 2;
const it = scene("backup");
const destination = { persistentVolumeClaim: { size: "256Mi" } };

beforeAll(async () => {
  await it.apply(clusterManifest("source"));
  await it.ready("source", 90_000);
  expect(await it.keys("source", "write", KEYS)).toBe(`${KEYS} keys written\n`);
});

describe("a KVBackup", () => {
  test("completes and reports every key; redis-check-rdb accepts each file, the checksums are true", async () => {
    explainFailure(it.namespace);
    await it.apply(manifest("KVBackup", "once", { clusterRef: { name: "source" }, destination }));
    const backup = await completed("once", 90_000);
    const shards = backup.status?.shards ?? [];
    expect(backup.status?.keys).toBe(KEYS);
    expect(shards).toHaveLength(3);
    expect(shards.reduce((sum, shard) => sum + shard.sizeBytes, 0)).toBe(backup.status?.sizeBytes);
    for (const shard of shards) {
      const file = await onVolume(
        backup,
        `f=$(find /backup -name "${basename(shard.file)}" -path "*${backup.status?.path ?? ""}*" | head -1)
        redis-check-rdb "$f" && sha256sum "$f" && stat -c "%s bytes" "$f"`,
      );
      expect(file).toContain("\\o/ RDB looks OK! \\o/");
      expect(file).toMatch(new RegExp(`\\[info\\] ${shard.keys} keys read`));
      expect(file).toContain(shard.sha256);
      expect(file).toContain(`${shard.sizeBytes} bytes`);
    }
  });

  test("of a cluster that does not exist does not complete, and says why", async () => {
    await it.apply(manifest("KVBackup", "lost", { clusterRef: { name: "nobody" }, destination }));
    await eventually("a message about the missing cluster", { withinMs: 30_000 }, async () => {
      const { status } = await getObject<KVBackup>(it.namespace, "kvb/lost");
      expect(status?.message).toContain("nobody");
      expect(status?.phase).not.toBe("Completed");
    });
  });
});

describe("a KVScheduledBackup every minute", () => {
  test("keeps exactly its retention, objects and files", { timeout: 420_000 }, async () => {
    explainFailure(it.namespace);
    const spec = {
      clusterRef: { name: "source" },
      schedule: "* * * * *",
      immediate: true,
      retention: { keepLast: KEEP },
      template: { destination },
    };
    await it.apply(manifest("KVScheduledBackup", "minutely", spec));
    const seen = new Set<string>();
    await eventually(`more than ${KEEP + 1} backups made`, { withinMs: 300_000, everyMs: 2_000 }, async () => {
      for (const backup of await scheduled()) if (backup.status?.phase === "Completed") seen.add(backup.metadata.name);
      if (seen.size <= KEEP + 1) throw new Error(`completed so far: ${[...seen].join(", ")}`);
    });
    await kubectl("-n", it.namespace, "patch", "kvsb/minutely", "--type=merge", "-p", '{"spec":{"suspend":true}}');
    await eventually(`exactly ${KEEP} left`, { withinMs: 60_000 }, async () => {
      const left = await scheduled();
      expect(left.map((backup) => backup.status?.phase)).toEqual(Array.from({ length: KEEP }, () => "Completed"));
      const newest = [...seen].sort().slice(-KEEP);
      expect(left.map((backup) => backup.metadata.name).sort()).toEqual(newest);
    });
    const left = await scheduled();
    const files = await onVolume(left[0] as KVBackup, "find /backup -name '*.rdb' -not -path '*once*' | sort");
    expect(files.trim().split("\n")).toHaveLength(KEEP * 3);
    for (const backup of left) expect(files).toContain(backup.metadata.name);
  });
});

const scheduled = () => listObjects<KVBackup>(it.namespace, "kvb", "kvcluster.dev/scheduled-backup=minutely");
const basename = (path: string) => path.slice(path.lastIndexOf("/") + 1);

function manifest(kind: string, name: string, spec: object): string {
  return JSON.stringify({ apiVersion: "kvcluster.dev/v1alpha1", kind, metadata: { name }, spec });
}

function completed(name: string, withinMs: number): Promise<KVBackup> {
  return eventually(`KVBackup "${name}" Completed`, { withinMs }, async () => {
    const backup = await getObject<KVBackup>(it.namespace, `kvb/${name}`);
    if (backup.status?.phase !== "Completed") throw new Error(JSON.stringify(backup.status));
    return backup;
  });
}

/** Runs a shell script in a pod that has the backup's volume at /backup, and returns what it printed. */
async function onVolume(backup: KVBackup, script: string): Promise<string> {
  const volumes = [{ name: "backup", persistentVolumeClaim: { claimName: backup.status?.claimName } }];
  const container = {
    ...restrictedContainer(),
    name: "reader",
    command: ["sh", "-ec", script],
    volumeMounts: [{ name: "backup", mountPath: "/backup" }],
  };
  const spec = { ...restrictedPod(), restartPolicy: "Never", volumes, containers: [container] };
  await it.apply(JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "reader" }, spec }));
  try {
    await eventually("the reader pod done", { withinMs: 60_000 }, async () => {
      const pod = await getObject(it.namespace, "pod/reader");
      if (!["Succeeded", "Failed"].includes(pod.status?.phase ?? "")) throw new Error(`${pod.status?.phase}`);
    });
    return await kubectl("-n", it.namespace, "logs", "reader");
  } finally {
    await kubectl("-n", it.namespace, "delete", "pod", "reader", "--wait");
  }
}
