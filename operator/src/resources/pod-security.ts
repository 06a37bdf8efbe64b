/** What lets a pod of the server image run under the `restricted` pod security standard, whatever it runs. */

type Fields = Readonly<Record<string, unknown>>;

/** The user of the server image, who owns the files on volumes; also their group. */
const USER_ID = 10001;

/** Secret and ConfigMap volumes: readable for the pod's group only. */
export const FILE_MODE = 0o440;

export function podSecurity(): Fields {
  return {
    runAsNonRoot: true,
    runAsUser: USER_ID,
    runAsGroup: USER_ID,
    fsGroup: USER_ID,
    fsGroupChangePolicy: "OnRootMismatch",
    seccompProfile: { type: "RuntimeDefault" },
  };
}

export function containerSecurity(): Fields {
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    privileged: false,
    capabilities: { drop: ["ALL"] },
  };
}
