// The pods of a Job, asked of the API server: a lagging cache may not show yet what the last one said.
import type { KubeClient } from "../kube/client.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import { nameOf } from "../kubernetes-object.ts";
import type { JobPod } from "./backup-result.ts";
import type { Job } from "./job-manifest.ts";

/** Set by the Job controller on each pod. */
export const JOB_NAME_LABEL = "batch.kubernetes.io/job-name";

export function podsOfJob(client: KubeClient, job: Job): Promise<readonly JobPod[]> {
  const { namespace, name } = nameOf(job);
  return client.list<JobPod>(RESOURCE_KINDS.Pod, { namespace, labelSelector: `${JOB_NAME_LABEL}=${name}` });
}
