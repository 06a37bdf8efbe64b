/**
 * By what the operator knows servers that speak TLS, and what it shows those that ask. Who has a certificate of the cluster's
 * authority is one of its servers, whatever name stands in it: so do servers tell each other apart.
 */

import { createSecureContext, type SecureContext } from "node:tls";

export interface TlsFiles {
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly authority: string | undefined;
}

/**
 * Undefined without an authority: then nobody is trusted. A certificate that is none is left out; servers that ask for none can be
 * talked to all the same.
 */
export function tlsIdentity({ certificate, key, authority }: TlsFiles): SecureContext | undefined {
  if (authority === undefined) return undefined;
  const own = certificate === undefined || key === undefined ? [] : [{ ca: authority, cert: certificate, key }];
  for (const options of [...own, { ca: authority }]) {
    try {
      return createSecureContext({ ...options, minVersion: "TLSv1.2" });
    } catch {
      // What is wrong with the files is told by the condition (reconcile/certificate-verdict.ts).
    }
  }
  return undefined;
}
