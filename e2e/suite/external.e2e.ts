// A client outside of the pod network, on a node: it begins with one address that the status names, and reaches every slot by
// the addresses that servers send it to, which are all those of Services. Clients inside are sent to pods, as before.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientScript } from "../harness/client-script.ts";
import { eventually } from "../harness/eventually.ts";
import {
  apply,
  conditionOf,
  getObject,
  kubectl,
  listObjects,
  mustRun,
  tryKubectl,
  variables,
} from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, type KVCluster, restrictedContainer, scene } from "../harness/scene.ts";

const ANNOUNCED_MS = 60_000;
const OUTSIDE = "e2e-external-outside";
const it = scene("external");

interface Announcing extends KVCluster {
  readonly status?: KVCluster["status"] & { readonly endpoints?: { readonly external?: string } };
}

/** Where the pod network is not: the network of a node, which the restricted standard does not allow. */
async function startOutside(): Promise<void> {
  await tryKubectl("delete", "namespace", OUTSIDE, "--ignore-not-found", "--wait", "--timeout=120s");
  await kubectl("create", "namespace", OUTSIDE);
  await kubectl("label", "namespace", OUTSIDE, "pod-security.kubernetes.io/enforce=privileged");
  const container = { ...restrictedContainer(), name: "client", command: ["sleep", "86400"] };
  const spec = { hostNetwork: true, terminationGracePeriodSeconds: 0, containers: [container] };
  const securityContext = { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: "RuntimeDefault" } };
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "client" }, spec: { ...spec, securityContext } };
  await apply(OUTSIDE, JSON.stringify(pod));
  await kubectl("-n", OUTSIDE, "wait", "pod/client", "--for=condition=Ready", "--timeout=60s");
}

async function outside(environment: Readonly<Record<string, string>>): Promise<string> {
  const argv = ["-n", OUTSIDE, "exec", "-i", "client", "--", "env", ...variables(environment), "python3", "-"];
  return await mustRun("kubectl", argv, clientScript("every-slot.py"));
}

interface Service {
  readonly kind: string;
  readonly metadata: KVCluster["metadata"];
  readonly spec: { readonly ports: readonly { readonly nodePort: number }[] };
}

const services = () => listObjects<Service>(it.namespace, "services", "kvcluster.dev/cluster=kv,kvcluster.dev/shard");

beforeAll(async () => {
  await startOutside();
  await it.apply(clusterManifest("kv"));
  await it.ready("kv", 180_000);
});
afterAll(async () => {
  await tryKubectl("delete", "namespace", OUTSIDE, "--wait", "--timeout=120s");
});

describe("a cluster with access from outside", () => {
  let before: readonly string[];

  test("opens it without a restart", { timeout: 120_000 }, async () => {
    explainFailure(it.namespace);
    before = await it.podUids("kv");
    await it.edit("kv", { networking: { external: { type: "NodePort" } } });
    await eventually("all addresses announced", { withinMs: ANNOUNCED_MS }, async () => {
      const cluster = await getObject<Announcing>(it.namespace, "kvc/kv");
      expect(conditionOf(cluster, "ExternalAccess")).toBe("True");
      expect(cluster.status?.endpoints?.external?.split(",")).toHaveLength(6);
    });
    expect(await it.podUids("kv")).toEqual(before);
  });

  test("serves every slot there, by the addresses that it redirects to", { timeout: 180_000 }, async () => {
    explainFailure(it.namespace);
    const cluster = await getObject<Announcing>(it.namespace, "kvc/kv");
    const seed = cluster.status?.endpoints?.external?.split(",")[0] ?? "";
    const ports = (await services()).map(({ spec }) => spec.ports[0]?.nodePort).join(",");
    const printed = await outside({ SEED: seed, PORTS: ports, PASSWORD: await it.password("kv") });
    process.stderr.write(printed);
    expect(printed).toMatch(/^16384 slots written and read by 3 addresses, [1-9]\d* of them by MOVED\n/);
    expect(printed).toContain("6 nodes shown, all by announced ports");
  });

  test("goes on sending clients inside to the pods", async () => {
    explainFailure(it.namespace);
    const ports = (await services()).map(({ spec }) => spec.ports[0]?.nodePort);
    const shown = await it.redisCli("kv", ["cluster", "slots"]);
    expect(shown.match(/^6379$/gm)).toHaveLength(6);
    for (const port of ports) expect(shown).not.toContain(String(port));
    const keys = ["a", "b", "c", "d", "e", "f"];
    for (const key of keys) expect((await it.redisCli("kv", ["-c", "set", key, "inside"])).trim()).toBe("OK");
  });

  test("announces it again when pods come back", { timeout: 180_000 }, async () => {
    explainFailure(it.namespace);
    await kubectl("-n", it.namespace, "delete", "pod", "kv-0-0", "kv-1-1");
    await it.ready("kv", 120_000);
    const cluster = await getObject<Announcing>(it.namespace, "kvc/kv");
    const [first = ""] = cluster.status?.endpoints?.external?.split(",") ?? [];
    const ports = (await services()).map(({ spec }) => spec.ports[0]?.nodePort).join(",");
    await eventually("every slot served outside", { withinMs: ANNOUNCED_MS }, async () => {
      const printed = await outside({ SEED: first, PORTS: ports, PASSWORD: await it.password("kv") });
      expect(printed).toContain("6 nodes shown, all by announced ports");
    });
  });

  test("closes it again without a restart, and its Services go", { timeout: 120_000 }, async () => {
    explainFailure(it.namespace);
    const uids = await it.podUids("kv");
    await it.edit("kv", { networking: { external: null } });
    await eventually("no Services for outside", { withinMs: ANNOUNCED_MS }, async () => {
      expect(await services()).toEqual([]);
      expect((await it.redisCli("kv", ["config", "get", "cluster-external-port"])).split(/\s+/)).toContain("0");
    });
    expect(await it.podUids("kv")).toEqual(uids);
  });
});
