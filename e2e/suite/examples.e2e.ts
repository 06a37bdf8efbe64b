// Every manifest in examples/ is accepted and taken up by the operator. minimal.yaml is brought to Ready in ready.e2e.ts;
// the others may want more nodes or memory than a test cluster has, so it is enough that the operator reports on them.
import { describe, expect, test } from "vitest";
import { eventually } from "../harness/eventually.ts";
import { listObjects, mustRun } from "../harness/kubectl.ts";
import { example, exampleNames } from "../harness/manifest.ts";
import { explainFailure, scene } from "../harness/scene.ts";
import { blocksIn, pages } from "../pages/page.ts";

const it = scene("examples");

describe("examples/", () => {
  test("has manifests", () => {
    expect(exampleNames()).toEqual(
      expect.arrayContaining(["minimal.yaml", "production.yaml", "backup.yaml", "backup-schedule.yaml"]),
    );
  });

  test.each(exampleNames())("%s is accepted, and the operator reports on it", async (name) => {
    explainFailure(it.namespace);
    await it.apply(example(name));
    await eventually("a status of the present generation", { withinMs: 60_000 }, async () => {
      const objects = await listObjects(it.namespace, "kvc,kvb,kvsb");
      expect(objects.length).toBeGreaterThan(0);
      for (const { metadata, status } of objects)
        expect(status?.observedGeneration, metadata.name).toBe(metadata.generation);
    });
    await mustRun("kubectl", ["-n", it.namespace, "delete", "-f", "-", "--wait", "--timeout=60s"], example(name));
  });
});

/** cert-manager's is for those who have it. */
const PRINTED = pages()
  .flatMap((page) => blocksIn(page, "yaml"))
  .filter((manifest) => manifest.startsWith("apiVersion: kvcluster.dev/"));

describe("the manifests in README and docs", () => {
  test.each(PRINTED.map((manifest) => [/^kind: (.*)$/m.exec(manifest)?.[1], manifest]))(
    "%s is accepted as printed",
    async (_kind, manifest = "") => {
      const argv = ["-n", it.namespace, "apply", "--dry-run=server", "-f", "-"];
      expect(await mustRun("kubectl", argv, manifest)).toContain("created (server dry run)");
    },
  );
});
