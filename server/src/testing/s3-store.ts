/**
 * For tests: a real S3-compatible store, the Versity gateway over a directory. `.ci/s3-store` builds it from its Go module; where
 * it is not there, tests of S3 say so and are left out.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { eventually, freePort } from "../persistence/reference-redis.ts";

const CACHE = process.env.KVCLUSTER_CACHE ?? path.join(homedir(), ".cache/kvcluster");
const PROGRAM = path.join(CACHE, "bin/versitygw");
export const hasS3Store = existsSync(PROGRAM);

const ACCESS_KEY_ID = "tester";
const SECRET_ACCESS_KEY = "tester-secret";

export class S3Store {
  readonly endpoint: string;
  /** Holds the files that kv-backup reads. */
  readonly credentials: string;
  readonly #directory: string;
  readonly #process: ChildProcess;

  private constructor(directory: string, port: number) {
    this.#directory = directory;
    this.endpoint = `http://127.0.0.1:${port}`;
    this.credentials = path.join(directory, "credentials");
    mkdirSync(this.credentials);
    writeFileSync(path.join(this.credentials, "access-key-id"), `${ACCESS_KEY_ID}\n`);
    writeFileSync(path.join(this.credentials, "secret-access-key"), SECRET_ACCESS_KEY);
    mkdirSync(path.join(directory, "buckets"));
    const account = { ROOT_ACCESS_KEY: ACCESS_KEY_ID, ROOT_SECRET_KEY: SECRET_ACCESS_KEY };
    const words = ["--port", `127.0.0.1:${port}`, "posix", path.join(directory, "buckets")];
    this.#process = spawn(PROGRAM, words, { env: { ...process.env, ...account }, stdio: "ignore" });
  }

  static async start(): Promise<S3Store> {
    const store = new S3Store(mkdtempSync(path.join(tmpdir(), "kv-s3-")), await freePort());
    await eventually("the store answers", () =>
      fetch(store.endpoint).then(
        () => true,
        () => false,
      ),
    );
    return store;
  }

  /** The store keeps a bucket as a directory, and an object as a file in it. */
  makeBucket(name: string): void {
    mkdirSync(this.objectFile(name));
  }

  objectFile(...names: string[]): string {
    return path.join(this.#directory, "buckets", ...names);
  }

  stop(): void {
    this.#process.kill("SIGKILL");
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
