/** For tests: an authority and certificates that it has signed, made by openssl. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

export const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

export class Certificates {
  readonly directory = mkdtempSync(path.join(tmpdir(), "kv-tls-"));
  readonly authority: string;

  constructor() {
    this.authority = this.file("ca.crt");
    this.#openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", [
      ...["-subj", "/CN=test authority", "-keyout", this.file("ca.key"), "-out", this.authority],
    ]);
  }

  file(name: string): string {
    return path.join(this.directory, name);
  }

  /** Writes `<name>.crt` and `<name>.key`, over those that are there. */
  issue(name: string, commonName = name): { readonly cert: string; readonly key: string } {
    const [cert, key, request] = [this.file(`${name}.crt`), this.file(`${name}.key`), this.file(`${name}.csr`)];
    this.#openssl(
      "req",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-subj",
      `/CN=${commonName}`,
      [...["-keyout", key, "-out", request]],
    );
    this.#openssl("x509", "-req", "-days", "1", "-in", request, "-CA", this.authority, "-CAkey", this.file("ca.key"), [
      ...["-CAcreateserial", "-out", cert],
    ]);
    return { cert, key };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #openssl(...args: readonly (string | readonly string[])[]): void {
    execFileSync("openssl", args.flat(), { stdio: ["ignore", "ignore", "ignore"] });
  }
}
