/**
 * Celery, from PyPI, with worker processes of its own: scenarios of ours in ../celery, run by pytest in a virtual
 * environment. The folder is used where it lies: what Python would write beside it is turned off.
 */

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CACHE, mustRun, runProgram } from "../cache.ts";
import { DEFAULT_PORT, withServer } from "../servers.ts";
import type { RunFiles, ServerName, Suite } from "../suite.ts";

const SOURCE = path.join(import.meta.dirname, "../celery");
const ENVIRONMENT = path.join(CACHE, "python-celery");
const PYTHON = path.join(ENVIRONMENT, "bin/python");
const INSTALLED = path.join(ENVIRONMENT, "installed");
const PACKAGES = ["celery==5.7.0", "kombu==5.7.0", "redis==7.4.1", "pytest==9.2.0", "pytest-timeout==2.4.0"];
const TEST_TIMEOUT_S = 120;
const RUN_TIMEOUT_MS = 900_000;

export const celery: Suite = {
  name: "libraries-python",
  prepare,
  run: (server, files) => withServer(server, () => runTests(server, files)),
};

async function prepare(): Promise<void> {
  const wanted = PACKAGES.join("\n");
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, "utf8") === wanted) return;
  rmSync(ENVIRONMENT, { recursive: true, force: true });
  await mustRun("python3", ["-m", "venv", ENVIRONMENT], { directory: CACHE });
  await mustRun(PYTHON, ["-m", "pip", "--quiet", "install", ...PACKAGES], { directory: CACHE });
  writeFileSync(INSTALLED, wanted);
}

async function runTests(server: ServerName, { junit, log }: RunFiles): Promise<void> {
  const args = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations", "10"];
  args.push("--timeout", String(TEST_TIMEOUT_S), "--junitxml", junit, ".");
  const environment = { KV_COMPAT_URL: `redis://127.0.0.1:${DEFAULT_PORT}/0`, PYTHONDONTWRITEBYTECODE: "1" };
  const code = await runProgram(PYTHON, args, {
    directory: SOURCE,
    environment,
    logFile: log,
    timeoutMs: RUN_TIMEOUT_MS,
  });
  if (code > 1) throw new Error(`The tests of Celery against ${server} ended with ${code}: see ${log}`);
}
