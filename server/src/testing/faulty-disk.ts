/** A disk that fails, or hangs, as a test says: faulty-disk.c, built for it and loaded ahead of a server. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const SOURCE = path.join(import.meta.dirname, "faulty-disk.c");

export class FaultyDisk {
  readonly #folder = mkdtempSync(path.join(tmpdir(), "kv-faulty-"));
  /** Of the server. */
  readonly environment: Readonly<Record<string, string>>;

  constructor() {
    const library = path.join(this.#folder, "faulty-disk.so");
    execFileSync("cc", ["-O1", "-shared", "-fPIC", SOURCE, "-o", library, "-ldl"]);
    this.environment = { LD_PRELOAD: library, FAULTY_DISK: this.#faultFile };
    this.setFault("");
  }

  /** From this moment on; "" for none. */
  setFault(fault: string): void {
    writeFileSync(this.#faultFile, fault);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #faultFile(): string {
    return path.join(this.#folder, "fault");
  }
}
