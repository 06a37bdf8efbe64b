// docs/tls.md as it is printed, without cert-manager: a certificate by openssl, the cluster with it, and a client that trusts it.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { variables } from "../harness/kubectl.ts";
import { explainFailure, scene } from "../harness/scene.ts";
import { printed } from "../pages/page.ts";
import { openShell, type Shell } from "../pages/shell.ts";

const it = scene("tls-by-hand");
let shell: Shell;

beforeAll(async () => {
  shell = await openShell(it.namespace);
});
afterAll(() => shell.close());

describe("docs/tls.md", () => {
  test("leads from openssl to a cluster that is Ready", { timeout: 240_000 }, async () => {
    explainFailure(it.namespace);
    const made = await shell.run(printed("docs/tls.md", "openssl req -x509"), { directory: shell.folder });
    expect(made).toContain("secret/minimal-tls created");
    await it.apply(printed("docs/tls.md", "apiVersion: kvcluster.dev/"));
    await it.ready("minimal", 180_000);
  });

  test("has Python write and read through the certificate's authority", async () => {
    explainFailure(it.namespace);
    const authority = printed("docs/tls.md", "kubectl get secret minimal-connection");
    const certificate = await shell.run(`${authority}cat ca.crt`, { directory: shell.folder });
    // The client pod has no other place to write to, and the program looks for ca.crt where it is.
    const environment = variables({ CA: certificate, PASSWORD: await it.password("minimal") });
    const script = 'cd /dev/shm; printf "%s" "$CA" > ca.crt; exec python3 -';
    const program = printed("docs/tls.md", "import os");
    const { stdout, stderr } = await it.client(["env", ...environment, "sh", "-c", script], program);
    expect([stdout, stderr]).toEqual(["b'hello'\n", ""]);
  });
});
