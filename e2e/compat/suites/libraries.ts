/**
 * Libraries that people build on a server (queues, sessions, rate limits), from their packages: scenarios of our own in
 * ../libraries, run by Node's test runner. The folder is copied into the cache, next to the packages, and its types are
 * checked there.
 */

import { cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { CACHE, mustRun, REPOSITORY, runProgram } from "../cache.ts";
import { DEFAULT_PORT, withServer } from "../servers.ts";
import type { RunFiles, ServerName, Suite } from "../suite.ts";

const SOURCE = path.join(import.meta.dirname, "../libraries");
const DIRECTORY = path.join(CACHE, "libraries-node");
const INSTALLED = path.join(DIRECTORY, "node_modules/.installed-package.json");
const RUN_TIMEOUT_MS = 400_000;

export const libraries: Suite = {
  name: "libraries-node",
  prepare,
  run: (server, files) => withServer(server, () => runTests(server, files)),
};

async function prepare(): Promise<void> {
  const options = { directory: DIRECTORY };
  mkdirSync(DIRECTORY, { recursive: true });
  const stale = readdirSync(DIRECTORY).filter((name) => name !== "node_modules");
  for (const name of stale) rmSync(path.join(DIRECTORY, name), { recursive: true });
  cpSync(SOURCE, DIRECTORY, { recursive: true });
  const manifest = path.join(DIRECTORY, "package.json");
  if (!existsSync(INSTALLED) || readFileSync(INSTALLED, "utf8") !== readFileSync(manifest, "utf8")) {
    await mustRun("npm", ["install", "--no-fund", "--no-audit", "--no-package-lock"], options);
    cpSync(manifest, INSTALLED);
  }
  await mustRun(path.join(REPOSITORY, "node_modules/.bin/tsc"), ["--project", DIRECTORY], options);
}

async function runTests(server: ServerName, { junit, log }: RunFiles): Promise<void> {
  const args = ["--test", "--test-reporter=junit", `--test-reporter-destination=${junit}`];
  args.push("--test-reporter=spec", "--test-reporter-destination=stdout", "--test-concurrency=1", "--test-force-exit");
  args.push(...globSync("**/*.test.ts", { cwd: SOURCE }).sort());
  const environment = { KV_COMPAT_PORT: String(DEFAULT_PORT) };
  const options = { directory: DIRECTORY, environment, logFile: log, timeoutMs: RUN_TIMEOUT_MS };
  const code = await runProgram(process.execPath, args, options);
  if (code > 1) throw new Error(`The tests of libraries against ${server} ended with ${code}: see ${log}`);
}
