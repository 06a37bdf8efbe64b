/** For tests: an authority, and certificates of it, made by openssl. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

export interface IssuedFiles {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

export interface IssueOptions {
  /** Lines of an extensions file of openssl. */
  readonly extensions?: readonly string[];
  readonly days?: number;
}

export class TriedAuthority {
  readonly #directory = mkdtempSync(join(tmpdir(), "kv-authority-"));
  readonly #certificate = this.#file("ca.crt");

  constructor() {
    const subject = ["-subj", "/CN=tried authority", "-days", "2"];
    openssl("req", "-x509", ...NEW_KEY, ...subject, "-keyout", this.#file("ca.key"), "-out", this.#certificate);
  }

  get certificate(): string {
    return readFileSync(this.#certificate, "utf8");
  }

  issue(commonName: string, { extensions = [], days = 1 }: IssueOptions = {}): IssuedFiles {
    const [key, request, certificate] = ["own.key", "own.csr", "own.crt"].map((name) => this.#file(name));
    const [own = "", asked = "", made = ""] = [key, request, certificate];
    writeFileSync(this.#file("extensions"), extensions.join("\n"));
    openssl("req", ...NEW_KEY, "-subj", `/CN=${commonName}`, "-keyout", own, "-out", asked);
    openssl(
      ...["x509", "-req", "-in", asked, "-out", made, "-days", String(days), "-extfile", this.#file("extensions")],
      ...["-CA", this.#certificate, "-CAkey", this.#file("ca.key"), "-CAcreateserial"],
    );
    return { certificate: readFileSync(made, "utf8"), key: readFileSync(own, "utf8"), authority: this.certificate };
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }
}

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: "ignore" });
}
