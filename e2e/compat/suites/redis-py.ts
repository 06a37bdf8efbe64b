/**
 * redis-py's own tests, from its source distribution on PyPI, run by pytest in a virtual environment. Over TLS the clients
 * that the suite makes by URL show a certificate and check the server's; what is plain by its own words stays so.
 */

import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { CACHE, mustRun, runProgram } from "../cache.ts";
import { makeSecrets, type Secrets } from "../secrets.ts";
import { DEFAULT_PORT, TLS_PORT, withServer } from "../servers.ts";
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

/** Lies beside this file. */
const PLUGIN = "kv_compat_tls";

/** Each needs more than one plain server: see README.md. */
const EXCLUDED = [
  "test_cluster.py",
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
const MARKS = "not onlycluster and not redismod and not replica";
const PLAIN_URL = `redis://127.0.0.1:${DEFAULT_PORT}/${DATABASE}`;

interface Run extends RunFiles {
  readonly server: ServerName;
  readonly protocol: 2 | 3;
  /** Without them it is plain. */
  readonly secrets: Secrets | undefined;
  readonly tests: readonly string[] | undefined;
}

export function redisPy(protocol: 2 | 3, isSecure = false): Suite {
  return {
    name: `redis-py-resp${protocol}${isSecure ? "-tls" : ""}`,
    prepare,
    async run(server, files, tests) {
      const secrets = isSecure ? await makeSecrets() : undefined;
      await withServer(server, () => runTests({ ...files, server, protocol, secrets, tests }), secrets);
    },
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

async function runTests({ server, protocol, secrets, tests, junit, log }: Run): Promise<void> {
  const args = [
    "-m",
    "pytest",
    ...(tests?.map(nodeOf) ?? ["tests"]),
    "-q",
    "-o",
    "asyncio_mode=auto",
    "--disable-warnings",
  ];
  args.push("--timeout", String(TEST_TIMEOUT_S), "--durations", "20", "--protocol", String(protocol));
  if (secrets === undefined) args.push("-m", `${MARKS} and not ssl`, "--redis-url", PLAIN_URL);
  else args.push("-m", MARKS, "-p", PLUGIN, ...secureUrls(secrets));
  for (const file of EXCLUDED) args.push("--ignore", path.join("tests", file));
  args.push("--junitxml", junit);
  const environment = { PYTHONPATH: import.meta.dirname, PYTHONDONTWRITEBYTECODE: "1", KV_COMPAT_PLAIN_URL: PLAIN_URL };
  const options = { directory: SOURCE, environment, logFile: log, timeoutMs: RUN_TIMEOUT_MS };
  const code = await runProgram(PYTHON, args, options);
  if (code > 1) throw new Error(`pytest against ${server} ended with ${code}: see ${log}`);
}

/** What pytest calls a test that its report calls `tests.test_lock.TestLock::test_lock`. */
function nodeOf(test: string): string {
  const end = test.indexOf("::");
  const words = test.slice(0, end).split(".");
  const isFile = (depth: number): boolean => existsSync(path.join(SOURCE, `${words.slice(0, depth).join("/")}.py`));
  const depth = words.findIndex((_, index) => isFile(index + 1)) + 1;
  return [`${words.slice(0, depth).join("/")}.py`, ...words.slice(depth)].join("::") + test.slice(end);
}

/** The second is for the suite's own tests of TLS, which say themselves which certificates they use. */
function secureUrls({ authority, client }: Secrets): readonly string[] {
  const parameters = new URLSearchParams({
    ...{ ssl_ca_certs: authority, ssl_cert_reqs: "required", ssl_check_hostname: "True" },
    ...{ ssl_certfile: client.cert, ssl_keyfile: client.key },
  });
  const url = `rediss://127.0.0.1:${TLS_PORT}/${DATABASE}?${parameters}`;
  return ["--redis-url", url, "--redis-ssl-url", `rediss://localhost:${TLS_PORT}`];
}
