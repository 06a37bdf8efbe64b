// A namespace a test file, under the "restricted" pod security standard: whatever the operator makes must pass it. ("baseline" is for
// pods that people make by `kubectl run`.)
// Removed at the end; when something failed, what the cluster said is printed first.
import { mustRun, tryKubectl } from "./kubectl.ts";

const OPERATOR_NAMESPACE = "kvcluster-system";

export type PodSecurity = "restricted" | "baseline";

export async function createNamespace(name: string, podSecurity: PodSecurity): Promise<void> {
  await tryKubectl("delete", "namespace", name, "--ignore-not-found", "--wait", "--timeout=120s");
  const labels = { "pod-security.kubernetes.io/enforce": podSecurity };
  const manifest = { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
  await mustRun("kubectl", ["create", "-f", "-"], JSON.stringify(manifest));
}

export async function removeNamespace(name: string): Promise<void> {
  await tryKubectl("delete", "namespace", name, "--wait", "--timeout=120s");
}

/** What a person would look at first. */
export async function describeNamespace(name: string): Promise<string> {
  const looks = [
    ["-n", name, "get", "kvc,kvb,kvsb,statefulsets,pods,pvc", "-o", "wide"],
    ["-n", name, "get", "kvc,kvb,kvsb", "-o", 'jsonpath={range .items[*]}{.metadata.name}{"\\n"}{.status}{"\\n"}{end}'],
    ["-n", name, "get", "events", "--sort-by=.lastTimestamp"],
    ["-n", name, "logs", "-l", "app.kubernetes.io/managed-by=kvcluster-operator", "--tail=20", "--prefix"],
    ["-n", OPERATOR_NAMESPACE, "logs", "-l", "app.kubernetes.io/name=kvcluster-operator", "--tail=60"],
  ];
  const texts: string[] = [];
  for (const argv of looks) {
    const { stdout, stderr } = await tryKubectl(...argv);
    texts.push(`$ kubectl ${argv.join(" ")}\n${stdout}${stderr}`);
  }
  return texts.join("\n");
}
