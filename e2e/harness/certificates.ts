/** An authority and certificates of it, made by openssl, as Secrets like those that cert-manager writes. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "./kubectl.ts";

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

export interface Authority {
  /** Manifest of a Secret with a new certificate for those names. */
  secret(name: string, commonName: string, hosts: readonly string[]): Promise<string>;
  remove(): void;
}

export async function createAuthority(): Promise<Authority> {
  const directory = mkdtempSync(join(tmpdir(), "e2e-certificates-"));
  const file = (name: string): string => join(directory, name);
  const subject = ["-subj", "/CN=e2e authority", "-days", "2"];
  await mustRun("openssl", [
    ...["req", "-x509", ...KEY, ...subject, "-keyout", file("ca.key"), "-out", file("ca.crt")],
  ]);
  return {
    secret: async (name, commonName, hosts) => {
      writeFileSync(file("names"), `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(",")}`);
      const own = ["-keyout", file("tls.key"), "-out", file("tls.csr")];
      await mustRun("openssl", ["req", ...KEY, "-subj", `/CN=${commonName}`, ...own]);
      const authority = ["-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-CAcreateserial"];
      const made = ["-in", file("tls.csr"), "-out", file("tls.crt"), "-extfile", file("names"), "-days", "1"];
      await mustRun("openssl", ["x509", "-req", ...authority, ...made]);
      const read = (key: string): [string, string] => [key, readFileSync(file(key), "utf8")];
      const stringData = Object.fromEntries(["tls.crt", "tls.key", "ca.crt"].map(read));
      return JSON.stringify({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name },
        type: "kubernetes.io/tls",
        stringData,
      });
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
