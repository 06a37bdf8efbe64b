/**
 * The servers of a cluster, and the operator, as Kubernetes knows them: where each runs, and by which address it is reached from its
 * own node.
 */
import { type KubernetesObject, listObjects } from "../harness/kubectl.ts";

export const OPERATOR_NAMESPACE = "kvcluster-system";

export interface Server {
  readonly pod: string;
  readonly machine: string;
  readonly address: string;
  /** Undefined while it does not run. */
  readonly container: string | undefined;
}

interface Pod extends KubernetesObject {
  readonly spec: { readonly nodeName?: string };
  readonly status?: KubernetesObject["status"] & {
    readonly podIP?: string;
    readonly containerStatuses?: readonly {
      readonly containerID?: string;
      readonly state?: { readonly running?: object };
    }[];
  };
}

export const serversOf = (namespace: string, cluster: string): Promise<readonly Server[]> =>
  serversBy(namespace, `kvcluster.dev/cluster=${cluster},kvcluster.dev/shard`);

export const operators = (): Promise<readonly Server[]> =>
  serversBy(OPERATOR_NAMESPACE, "app.kubernetes.io/name=kvcluster-operator");

async function serversBy(namespace: string, selector: string): Promise<readonly Server[]> {
  const pods = await listObjects<Pod>(namespace, "pods", selector);
  return pods.map(({ metadata, spec, status }) => {
    const container = status?.containerStatuses?.[0];
    return {
      pod: metadata.name,
      machine: spec.nodeName ?? "",
      address: status?.podIP ?? "",
      container: container?.state?.running === undefined ? undefined : container.containerID?.split("//")[1],
    };
  });
}
