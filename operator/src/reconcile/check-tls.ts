/**
 * Looks at the certificate of a cluster with spec.tls before anything is made of it: a cluster of which nothing runs yet is not
 * begun with one that will not do. Servers that run keep what they have read, and are still talked to, by the authority that
 * applications were given, if their Secret is gone or spoilt.
 */

import { type TlsFiles, tlsIdentity } from "../kv/tls-identity.ts";
import { decodeData, type Manifest } from "../resources/manifest.ts";
import { connectionSecretName } from "../resources/names.ts";
import { AUTHORITY_KEY, CERTIFICATE_KEY, PRIVATE_KEY } from "../resources/tls.ts";
import { certificateVerdict } from "./certificate-verdict.ts";
import { isBegun, ownChild } from "./own-child.ts";
import { readSecret } from "./secrets.ts";
import { type Pass, PROCEED, type Step } from "./step.ts";

export const checkTls: Step = {
  name: "check TLS",
  changes: false,
  run: async (pass) => {
    const { tls } = pass.cluster.spec;
    if (tls === undefined) return PROCEED;
    const files = filesOf(await readSecret(pass, tls.secretName));
    const nowMs = pass.dependencies.nowMs();
    const verdict = certificateVerdict({ secretName: tls.secretName, files, nowMs });
    pass.certificate = verdict;
    if (!verdict.isUsable && !isBegun(pass)) {
      return { kind: "stop", reason: verdict.reason, message: `Nothing is started: ${verdict.message}` };
    }
    const isSpoilt = files === undefined || verdict.reason === "CertificateInvalid";
    const authority = (isSpoilt ? undefined : files.authority) ?? givenAuthority(pass);
    pass.authority = authority;
    pass.identity = tlsIdentity({ certificate: files?.certificate, key: files?.key, authority });
    return PROCEED;
  },
};

function filesOf(secret: Manifest | undefined): TlsFiles | undefined {
  if (secret === undefined) return undefined;
  const read = (key: string): string | undefined => decodeData(secret.data, key) || undefined;
  return { certificate: read(CERTIFICATE_KEY), key: read(PRIVATE_KEY), authority: read(AUTHORITY_KEY) };
}

function givenAuthority(pass: Pass): string | undefined {
  const secret = ownChild(pass, "Secret", connectionSecretName(pass.name.name));
  return decodeData(secret?.data, AUTHORITY_KEY);
}
