/** What the `tls-*` directives say, as Node's TLS wants it: files are read, names of versions and ciphers put together. */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { SecureContextOptions, SecureVersion } from "node:tls";
import type { Config } from "../config/config.ts";

/** How clients are asked for certificates. */
export interface ClientVerification {
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

const VERSIONS: ReadonlyMap<string, SecureVersion> = new Map([
  ["tlsv1", "TLSv1"],
  ["tlsv1.1", "TLSv1.1"],
  ["tlsv1.2", "TLSv1.2"],
  ["tlsv1.3", "TLSv1.3"],
]);

/** For connections that others open. Throws what is missing or wrong. */
export function serverTlsSettings(config: Config): SecureContextOptions {
  if (config.get("tls-cert-file") === "") throw new Error("No tls-cert-file configured!");
  if (config.get("tls-key-file") === "") throw new Error("No tls-key-file configured!");
  const asksForCertificates =
    config.get("tls-auth-clients") !== "no" || config.get("tls-cluster") || config.get("tls-replication");
  if (asksForCertificates && config.get("tls-ca-cert-file") === "" && config.get("tls-ca-cert-dir") === "") {
    throw new Error(
      "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled!",
    );
  }
  return {
    ...commonSettings(config),
    cert: readFileSync(config.get("tls-cert-file")),
    key: readFileSync(config.get("tls-key-file")),
    ...passphrase(config.get("tls-key-file-pass")),
    honorCipherOrder: config.get("tls-prefer-server-ciphers"),
  };
}

/** For connections that this server opens: with a certificate of its own for that, else the one that clients see. */
export function clientTlsSettings(config: Config): SecureContextOptions {
  if (config.get("tls-client-cert-file") === "") {
    return { ...commonSettings(config), ...serverTlsSettings(config) };
  }
  return {
    ...commonSettings(config),
    cert: readFileSync(config.get("tls-client-cert-file")),
    key: readFileSync(config.get("tls-client-key-file")),
    ...passphrase(config.get("tls-client-key-file-pass")),
  };
}

export function clientVerification(config: Config): ClientVerification {
  const mode = config.get("tls-auth-clients");
  return { requestCert: mode !== "no", rejectUnauthorized: mode === "yes" };
}

/** The files that certificates and keys come from, and the directory: one that is written anew in its place changes only itself. */
export function tlsFiles(config: Config): string[] {
  const directory = config.get("tls-ca-cert-dir");
  const named = [config.get("tls-cert-file"), config.get("tls-key-file"), config.get("tls-ca-cert-file"), directory];
  return [...named.filter((file) => file !== ""), ...filesInIfAny(directory)];
}

/** One that cannot be read has none, for those who only look whether something has changed. */
function filesInIfAny(directory: string): string[] {
  try {
    return filesIn(directory);
  } catch {
    return [];
  }
}

function filesIn(directory: string): string[] {
  const entries = directory === "" ? [] : readdirSync(directory, { withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => path.join(directory, entry.name));
}

function commonSettings(config: Config): SecureContextOptions {
  const authorities = readAuthorities(config.get("tls-ca-cert-file"), config.get("tls-ca-cert-dir"));
  const ciphers = [config.get("tls-ciphersuites"), config.get("tls-ciphers")].filter((names) => names !== "");
  return {
    ...(authorities.length === 0 ? {} : { ca: authorities }),
    ...(ciphers.length === 0 ? {} : { ciphers: ciphers.join(":") }),
    ...protocolRange(config.get("tls-protocols")),
  };
}

function passphrase(text: string): SecureContextOptions {
  return text === "" ? {} : { passphrase: text };
}

function readAuthorities(file: string, directory: string): Buffer[] {
  return [...(file === "" ? [] : [file]), ...filesIn(directory)].map((name) => readFileSync(name));
}

/** Versions 1.2 and 1.3 unless others are named; between the lowest and the highest named all are allowed. */
function protocolRange(names: string): SecureContextOptions {
  const words = names.split(/[\s,]+/).filter((word) => word !== "");
  if (words.length === 0) return { minVersion: "TLSv1.2" };
  const versions = words.map((word) => {
    const version = VERSIONS.get(word.toLowerCase());
    if (version === undefined) throw new Error(`Invalid tls-protocols specified: ${names}`);
    return version;
  });
  const sorted = versions.sort();
  return { minVersion: sorted[0] ?? "TLSv1.2", maxVersion: sorted.at(-1) ?? "TLSv1.3" };
}
