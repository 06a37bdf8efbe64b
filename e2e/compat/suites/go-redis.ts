/**
 * go-redis' own tests, from its module on the Go module proxy. They start the servers they want themselves, from a path
 * inside their folder, where a small script of ours starts the kind of server under test.
 */

import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CACHE, mustRun, runProgram } from "../cache.ts";
import { ownDirectives, serverProgram } from "../servers.ts";
import type { RunFiles, ServerName, Suite } from "../suite.ts";

const VERSION = "v9.5.1";
const MODULE = "github.com/redis/go-redis/v9";
const SOURCE = path.join(CACHE, "go-redis");
const PROGRAM = path.join(SOURCE, "suite.test");
const SERVER = path.join(SOURCE, "testdata/redis/src/redis-server");
const RUN_TIMEOUT_MS = 300_000;
/** See README.md. */
const SKIPPED = "Sentinel|ClusterClient|Gears|JSON|Probabilistic|RedisTimeseries|UniversalClient";

export const goRedis: Suite = { name: "go-redis", prepare, run };

async function prepare(): Promise<void> {
  if (existsSync(PROGRAM)) return;
  const scratch = path.join(CACHE, "go");
  mkdirSync(scratch, { recursive: true });
  const modules = path.join(scratch, "modules");
  const options = { directory: scratch, environment: { GOMODCACHE: modules, GOFLAGS: "-modcacherw" } };
  writeFileSync(path.join(scratch, "go.mod"), "module scratch\n");
  await mustRun("go", ["mod", "download", `${MODULE}@${VERSION}`], options);
  await mustRun("cp", ["-r", path.join(modules, `${MODULE}@${VERSION}`), SOURCE], options);
  await mustRun("go", ["test", "-c", "-o", PROGRAM, "."], { ...options, directory: SOURCE });
}

async function run(server: ServerName, { junit, log }: RunFiles): Promise<void> {
  installServer(server);
  const args = [
    "-test.run=TestGinkgoSuite",
    `-test.timeout=${RUN_TIMEOUT_MS / 1000}s`,
    `-ginkgo.junit-report=${junit}`,
    "-ginkgo.no-color",
  ];
  args.push(`-ginkgo.skip=${SKIPPED}`, "-ginkgo.seed=1");
  await runProgram(PROGRAM, args, { directory: SOURCE, logFile: log, timeoutMs: RUN_TIMEOUT_MS + 10_000 });
  if (!existsSync(junit)) throw new Error(`go-redis against ${server} wrote no report: see ${log}`);
}

/** The sentinels the suite waits for at its start are redis-server's in both runs: ours has none. */
function installServer(server: ServerName): void {
  mkdirSync(path.dirname(SERVER), { recursive: true });
  writeFileSync(path.join(SOURCE, "testdata/redis/redis.conf"), 'save ""\nenable-debug-command yes\n');
  const script = [
    "#!/bin/sh",
    'case " $* " in *" --sentinel "*) exec redis-server "$@" ;; esac',
    `exec "${serverProgram(server)}" "$@" ${ownDirectives(server).join(" ")}`,
  ];
  writeFileSync(SERVER, `${script.join("\n")}\n`);
  chmodSync(SERVER, 0o755);
}
