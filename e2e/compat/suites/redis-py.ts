/** redis-py's own tests, from its source distribution on PyPI, run by pytest in a virtual environment. */

import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { CACHE, mustRun, runProgram } from "../cache.ts";
import { DEFAULT_PORT, withServer } from "../servers.ts";
import type { RunFiles, ServerName, Suite } from "../suite.ts";

const VERSION = "5.2.1";
const SOURCE = path.join(CACHE, `redis-${VERSION}`);
const ENVIRONMENT = path.join(CACHE, "python");
const PYTHON = path.join(ENVIRONMENT, "bin/python");
const PACKAGES = [
  "pytest<8",
  "pytest-asyncio==0.23.8",
  "pytest-timeout==2.4.0",
  "mock==5.2.0",
  "cachetools",
  "packaging",
  `redis==${VERSION}`,
];
const TEST_TIMEOUT_S = 30;
const RUN_TIMEOUT_MS = 400_000;
/** The database of the tests is flushed by them. */
const DATABASE = 9;

/** Each needs more than one plain server: see README.md. */
const EXCLUDED = [
  "test_cluster.py",
  "test_ssl.py",
  "test_sentinel.py",
  "test_search.py",
  "test_json.py",
  "test_bloom.py",
  "test_graph.py",
  "test_graph_utils",
  "test_timeseries.py",
  "test_asyncio/test_cluster.py",
  "test_asyncio/test_search.py",
  "test_asyncio/test_json.py",
  "test_asyncio/test_bloom.py",
  "test_asyncio/test_graph.py",
  "test_asyncio/test_timeseries.py",
  "test_asyncio/test_sentinel.py",
  "test_asyncio/test_sentinel_managed_connection.py",
];
const MARKS = "not onlycluster and not redismod and not ssl and not replica";

export function redisPy(protocol: 2 | 3): Suite {
  return {
    name: `redis-py-resp${protocol}`,
    prepare,
    run: (server, files) => withServer(server, () => runTests(server, protocol, files)),
  };
}

async function prepare(): Promise<void> {
  const options = { directory: CACHE };
  if (!existsSync(SOURCE)) {
    const archive = `redis-${VERSION}.tar.gz`;
    const download = ["download", "--no-binary", ":all:", "--no-deps", `redis==${VERSION}`];
    await mustRun("python3", ["-m", "pip", "--quiet", ...download], options);
    await mustRun("tar", ["-xzf", archive], options);
  }
  if (existsSync(path.join(ENVIRONMENT, "complete"))) return;
  rmSync(ENVIRONMENT, { recursive: true, force: true });
  await mustRun("python3", ["-m", "venv", ENVIRONMENT], options);
  await mustRun(PYTHON, ["-m", "pip", "--quiet", "install", ...PACKAGES], options);
  await mustRun("touch", [path.join(ENVIRONMENT, "complete")], options);
}

async function runTests(server: ServerName, protocol: number, { junit, log }: RunFiles): Promise<void> {
  const args = ["-m", "pytest", "tests", "-q", "-o", "asyncio_mode=auto", "--disable-warnings"];
  args.push("--timeout", String(TEST_TIMEOUT_S), "--durations", "20", "-m", MARKS);
  args.push("--redis-url", `redis://127.0.0.1:${DEFAULT_PORT}/${DATABASE}`, "--protocol", String(protocol));
  for (const file of EXCLUDED) args.push("--ignore", path.join("tests", file));
  args.push("--junitxml", junit);
  const code = await runProgram(PYTHON, args, { directory: SOURCE, logFile: log, timeoutMs: RUN_TIMEOUT_MS });
  if (code > 1) throw new Error(`pytest against ${server} ended with ${code}: see ${log}`);
}
