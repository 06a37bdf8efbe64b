// The scene of a test file: its namespace, a pod with Redis clients in it, and the cluster under test.
// `scene("name")` at the head of a file sets up before its tests and cleans up after them.
import { afterAll, beforeAll, onTestFailed } from "vitest";
import { clientScript } from "./client-script.ts";
import { eventually } from "./eventually.ts";
import { CLIENT_IMAGE } from "./images.ts";
import {
  apply,
  conditionOf,
  getObject,
  type KubernetesObject,
  kubectl,
  listObjects,
  mustRun,
  type Result,
  run,
  variables,
} from "./kubectl.ts";
import { type Load, loadEnvironment, startLoad } from "./load.ts";
import { createNamespace, describeNamespace, type PodSecurity, removeNamespace } from "./namespace.ts";

const CLIENT_POD = "client";

export interface KVCluster extends KubernetesObject {
  readonly spec: { readonly shards: number; readonly replicasPerShard: number };
  readonly status?: KubernetesObject["status"] & {
    readonly ready?: string;
    readonly instances?: number;
    readonly readyInstances?: number;
    readonly slotsAssigned?: number;
    readonly shards?: number;
    readonly secretName?: string;
    readonly shardStatus?: readonly {
      readonly index: number;
      readonly primary?: string;
      readonly replicas?: readonly string[];
    }[];
  };
}

export interface Scene {
  readonly namespace: string;
  /** Applies the manifest and returns at once. */
  apply(manifest: string): Promise<string>;
  /** Waits until the cluster is Ready as its spec wants it, with as many ready pods; returns it. */
  ready(name: string, withinMs: number): Promise<KVCluster>;
  /** Changes its spec by a merge patch. */
  edit(cluster: string, spec: object): Promise<void>;
  pods(cluster: string): Promise<readonly KubernetesObject[]>;
  /** The same as long as no pod is another one. */
  podUids(cluster: string): Promise<readonly string[]>;
  password(cluster: string): Promise<string>;
  /** Runs a program in the client pod. */
  client(argv: readonly string[], input?: string): Promise<Result>;
  redisCli(cluster: string, argv: readonly string[], input?: string): Promise<string>;
  python(script: string, environment: Readonly<Record<string, string>>, argv?: readonly string[]): Promise<string>;
  /** Writes so many keys of all basic types (clients/keys.py), or checks that they are as written; what it printed. */
  keys(cluster: string, verb: "write" | "check", count: number): Promise<string>;
  /** Writes from the client pod until it is told to end. */
  load(cluster: string, copies?: number): Promise<Load>;
}

export function scene(name: string, podSecurity: PodSecurity = "restricted"): Scene {
  const namespace = `e2e-${name}`;
  beforeAll(async () => {
    await createNamespace(namespace, podSecurity);
    await apply(namespace, JSON.stringify(clientPod()));
    await kubectl("-n", namespace, "wait", `pod/${CLIENT_POD}`, "--for=condition=Ready", "--timeout=60s");
  });
  afterAll(() => removeNamespace(namespace));
  return sceneIn(namespace);
}

/** Prints what the cluster says when the test fails; first line of a test that changes the world. */
export function explainFailure(namespace: string): void {
  onTestFailed(async () => {
    process.stderr.write(`${await describeNamespace(namespace)}\n`);
  });
}

function sceneIn(namespace: string): Scene {
  const client = (argv: readonly string[], input?: string) =>
    run("kubectl", ["-n", namespace, "exec", "-i", CLIENT_POD, "--", ...argv], { input });
  const mustClient = (argv: readonly string[], input?: string) =>
    mustRun("kubectl", ["-n", namespace, "exec", "-i", CLIENT_POD, "--", ...argv], input);
  const pods = (cluster: string) =>
    listObjects(namespace, "pods", `kvcluster.dev/cluster=${cluster},kvcluster.dev/shard`);
  const password = async (cluster: string) => {
    const { status } = await getObject<KVCluster>(namespace, `kvc/${cluster}`);
    const encoded = await kubectl(
      "-n",
      namespace,
      "get",
      "secret",
      status?.secretName ?? "",
      "-o",
      "jsonpath={.data.password}",
    );
    return Buffer.from(encoded, "base64").toString();
  };
  const python: Scene["python"] = (script, environment, argv = []) =>
    mustClient(["env", ...variables(environment), "python3", "-", ...argv], script);
  return {
    namespace,
    apply: (manifest) => apply(namespace, manifest),
    ready: async (cluster, withinMs) => {
      try {
        return await eventually(`KVCluster "${cluster}" Ready`, { withinMs }, async () => {
          const object = await getObject<KVCluster>(namespace, `kvc/${cluster}`);
          checkReady(object, await pods(cluster));
          return object;
        });
      } catch (error) {
        // also in hooks, where explainFailure is out of reach
        process.stderr.write(`${await describeNamespace(namespace)}\n`);
        throw error;
      }
    },
    edit: async (cluster, spec) => {
      const patch = JSON.stringify({ spec });
      await kubectl("-n", namespace, "patch", `kvc/${cluster}`, "--type", "merge", "--patch", patch);
    },
    pods,
    podUids: async (cluster) => (await pods(cluster)).map(({ metadata }) => metadata.uid).sort(),
    password,
    client,
    redisCli: async (cluster, argv, input) =>
      mustClient(["env", `REDISCLI_AUTH=${await password(cluster)}`, "redis-cli", "-h", cluster, ...argv], input),
    python,
    keys: async (cluster, verb, count) =>
      python(clientScript("keys.py"), { HOST: cluster, PASSWORD: await password(cluster) }, [verb, `${count}`]),
    load: async (cluster, copies = 0) => {
      const environment = loadEnvironment({ hosts: [cluster], password: await password(cluster), copies });
      const program = ["env", ...variables(environment), "python3", "-c", clientScript("load.py")];
      return startLoad("kubectl", ["-n", namespace, "exec", "-i", CLIENT_POD, "--", ...program]);
    },
  };
}

export function checkReady(cluster: KVCluster, pods: readonly KubernetesObject[]): void {
  const wanted = cluster.spec.shards * (1 + cluster.spec.replicasPerShard);
  const ready = pods.filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && conditionOf(pod, "Ready") === "True",
  );
  const facts = {
    observed: cluster.status?.observedGeneration === cluster.metadata.generation,
    ready: conditionOf(cluster, "Ready"),
    readyInstances: cluster.status?.readyInstances,
    readyPods: ready.length,
    pods: pods.length,
  };
  const want = { observed: true, ready: "True", readyInstances: wanted, readyPods: wanted, pods: wanted };
  if (JSON.stringify(facts) !== JSON.stringify(want)) {
    throw new Error(`${JSON.stringify(facts)} instead of ${JSON.stringify(want)}`);
  }
}

/** Sleeps until someone runs redis-cli or Python in it. */
function clientPod(): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: CLIENT_POD },
    spec: {
      ...restrictedPod(),
      containers: [{ ...restrictedContainer(), name: "client", command: ["sleep", "86400"] }],
    },
  };
}

export function restrictedPod(): object {
  const securityContext = {
    runAsNonRoot: true,
    runAsUser: 10001,
    runAsGroup: 10001,
    fsGroup: 10001,
    seccompProfile: { type: "RuntimeDefault" },
  };
  return { securityContext, terminationGracePeriodSeconds: 0, automountServiceAccountToken: false };
}

export function restrictedContainer(): object {
  const securityContext = {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  };
  return { image: CLIENT_IMAGE, imagePullPolicy: "IfNotPresent", securityContext };
}
