/**
 * Whether the files in a Secret will do for servers that speak TLS with clients and each other: all there, a key that fits, of
 * the authority beside them, of this time, and meant for both ends of a connection. What servers would stumble over is told
 * before they do.
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { TlsFiles } from "../kv/tls-identity.ts";
import { AUTHORITY_KEY, CERTIFICATE_KEY, PRIVATE_KEY } from "../resources/tls.ts";
import type { CertificateFacts } from "../status/certificate-valid.ts";

/** Whoever renews certificates does it long before: cert-manager with a third of the time left. */
const EXPIRING_SHARE = 0.1;
const SERVER_USE = "1.3.6.1.5.5.7.3.1";
const CLIENT_USE = "1.3.6.1.5.5.7.3.2";
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

interface Given {
  readonly secretName: string;
  /** Undefined: there is no such Secret. */
  readonly files: TlsFiles | undefined;
  readonly nowMs: number;
}

export function certificateVerdict({ secretName, files, nowMs }: Given): CertificateFacts {
  const secret = `Secret "${secretName}" of spec.tls`;
  if (files === undefined) return no("CertificateMissing", `${secret} does not exist`);
  const { certificate, key, authority } = files;
  if (certificate === undefined) return no("CertificateMissing", `${secret} has no value for key "${CERTIFICATE_KEY}"`);
  if (key === undefined) return no("CertificateMissing", `${secret} has no value for key "${PRIVATE_KEY}"`);
  if (authority === undefined) return no("CertificateMissing", `${secret} has no value for key "${AUTHORITY_KEY}"`);
  try {
    return judge(secret, { certificate, key, authority, nowMs });
  } catch (error) {
    return no("CertificateInvalid", `${secret} holds something else: ${(error as Error).message}`);
  }
}

interface Files {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
  readonly nowMs: number;
}

/** Throws where something is no certificate or key at all. */
function judge(secret: string, { certificate, key, authority, nowMs }: Files): CertificateFacts {
  const [own, ...intermediates] = certificatesIn(certificate, CERTIFICATE_KEY);
  const authorities = certificatesIn(authority, AUTHORITY_KEY);
  if (own === undefined) return no("CertificateInvalid", `${secret} holds no certificate`);
  if (!own.checkPrivateKey(createPrivateKey(key)))
    return no("CertificateInvalid", `In ${secret} the key is not that of the certificate`);
  if (!isTrusted(own, intermediates, authorities))
    return no(
      "CertificateUntrusted",
      `In ${secret} the certificate is of another authority than that in ${AUTHORITY_KEY}`,
    );
  const uses = own.keyUsage;
  if (uses !== undefined && ![SERVER_USE, CLIENT_USE].every((use) => uses.includes(use)))
    return no(
      "CertificateUnsuitable",
      `In ${secret} the certificate is not meant for both server auth and client auth`,
    );
  const [from, until] = [Date.parse(own.validFrom), Date.parse(own.validTo)];
  const [first, last] = [from, until].map((ms) => new Date(ms).toISOString());
  if (nowMs < from) return no("CertificateNotYetValid", `In ${secret} the certificate is valid from ${first} on`);
  if (nowMs >= until) return no("CertificateExpired", `In ${secret} the certificate has expired, at ${last}`);
  if (until - nowMs < EXPIRING_SHARE * (until - from))
    return {
      isUsable: true,
      reason: "CertificateExpiring",
      message: `In ${secret} the certificate expires at ${last}`,
    };
  return { isUsable: true, reason: undefined, message: `The certificate in ${secret} is valid until ${last}` };
}

function no(reason: string, message: string): CertificateFacts {
  return { isUsable: false, reason, message };
}

/** Throws if there is none. */
function certificatesIn(text: string, name: string): readonly X509Certificate[] {
  const found = text.match(CERTIFICATE) ?? [];
  if (found.length === 0) throw new Error(`${name} is no certificate in PEM`);
  return found.map((one) => new X509Certificate(one));
}

/** Through those that come along with it. Each is looked at once, so that they end also where they name each other. */
function isTrusted(
  one: X509Certificate,
  intermediates: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): boolean {
  if (authorities.some((issuer) => isIssuedBy(one, issuer) || issuer.fingerprint256 === one.fingerprint256))
    return true;
  return intermediates.some(
    (issuer, index) => isIssuedBy(one, issuer) && isTrusted(issuer, intermediates.toSpliced(index, 1), authorities),
  );
}

function isIssuedBy(one: X509Certificate, issuer: X509Certificate): boolean {
  return one.checkIssued(issuer) && one.verify(issuer.publicKey);
}
