// `kubectl kv` as docs/kubectl-kv.md tells: every command that the page prints, against a cluster and a real API server.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { getObject } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, scene } from "../harness/scene.ts";
import { printed } from "../pages/page.ts";
import { openShell, type Shell } from "../pages/shell.ts";

const it = scene("plugin");
let shell: Shell;

beforeAll(async () => {
  shell = await openShell(it.namespace);
  await it.apply(clusterManifest("minimal"));
  await it.ready("minimal", 120_000);
});
afterAll(() => shell.close());

describe("docs/kubectl-kv.md", () => {
  test("installs the plugin", async () => {
    const help = await shell.run(printed("docs/kubectl-kv.md", "make setup"));
    expect(help).toContain("Usage: kubectl kv COMMAND");
  });

  test("shows clusters, one cluster, and what is under way", async () => {
    explainFailure(it.namespace);
    const output = await shell.run(printed("docs/kubectl-kv.md", "kubectl kv status"));
    expect(output).toMatch(/^e2e-plugin +minimal .* 6\/6 /m);
    expect(output).toMatch(/^minimal: Ready, 6\/6 servers ready/m);
    expect(output).toContain('"slotsServed": 16384');
    expect(output).toMatch(/^1 +primary +minimal-1-\d .*\(5,46\d\)$/m);
  });

  test("fails over, to the replica that is named and to the best one", async () => {
    explainFailure(it.namespace);
    const output = await shell.run(printed("docs/kubectl-kv.md", "kubectl kv failover"));
    expect(output.match(/^minimal-0-\d took shard 0 over from minimal-0-\d in /gm)).toEqual([
      "minimal-0-1 took shard 0 over from minimal-0-0 in ",
      "minimal-0-0 took shard 0 over from minimal-0-1 in ",
    ]);
  });

  test("types commands to the cluster", async () => {
    explainFailure(it.namespace);
    const typed = { input: "SET typed 1\nGET typed\n" };
    const output = await shell.run(printed("docs/kubectl-kv.md", "kubectl kv connect"), typed);
    expect(output).toMatch(/^OK\n1\nOK\n# Replication\r?\n(.|\r?\n)*\n1\n1\n$/);
    expect(output).toContain("role:slave");
  });

  test("backs up to claims that it makes and that are there", { timeout: 180_000 }, async () => {
    explainFailure(it.namespace);
    await it.apply(claim("backups"));
    const output = await shell.run(printed("docs/kubectl-kv.md", "kubectl kv backup"));
    expect(output.match(/^Completed: 4 keys, .*verified$/gm)).toHaveLength(2);
    await eventually("the one that nobody waited for", { withinMs: 60_000 }, async () => {
      expect((await getObject(it.namespace, "kvb/before-upgrade")).status?.phase).toBe("Completed");
    });
  });

  test("restarts all servers", { timeout: 420_000 }, async () => {
    explainFailure(it.namespace);
    const before = await it.podUids("minimal");
    const output = await shell.run(printed("docs/kubectl-kv.md", "kubectl kv restart"));
    expect(output.match(/^Asked for a restart of the 6 servers/gm)).toHaveLength(2);
    expect((await it.podUids("minimal")).filter((uid) => before.includes(uid))).toEqual([]);
  });
});

function claim(name: string): string {
  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "256Mi" } } };
  return JSON.stringify({ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name }, spec });
}
