/** CertificateValid: the certificate that spec.tls names will do. Only where there is one. */

import type { ClusterFacts } from "./cluster-facts.ts";
import { type ConditionVerdict, lastVerdict } from "./condition-verdict.ts";

/** What is wrong with a certificate, if anything, and how much of it. */
export type CertificateFacts =
  | { readonly isUsable: true; readonly reason: string | undefined; readonly message: string }
  | { readonly isUsable: false; readonly reason: string; readonly message: string };

export function certificateValid({ cluster, certificate }: ClusterFacts): ConditionVerdict | undefined {
  const type = "CertificateValid";
  if (cluster.spec.tls === undefined) return undefined;
  if (certificate === undefined) return lastVerdict(cluster, type);
  const { reason, message } = certificate;
  return reason === undefined
    ? { type, status: "True", reason: "Valid", message }
    : { type, status: "False", reason, message };
}
