/**
 * go-redis' own tests, from its module on the Go module proxy. They start the servers they want themselves, from a path
 * inside their folder, where a small script of ours starts the kind of server under test. Over TLS these have no plain
 * port, and the suite is built a second time, with a dialer that turns to go_redis_tls.go.
 */

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CACHE, mustRun, runProgram } from "../cache.ts";
import { makeSecrets, type Secrets, tlsDirectives } from "../secrets.ts";
import { ownDirectives, serverProgram } from "../servers.ts";
import type { RunFiles, ServerName, Suite } from "../suite.ts";

const VERSION = "v9.5.1";
const MODULE = "github.com/redis/go-redis/v9";
const SOURCE = path.join(CACHE, "go-redis");
const PROGRAM = path.join(SOURCE, "suite.test");
const SECURE_PROGRAM = path.join(SOURCE, "suite-tls.test");
/** What is other in the dialer of the second. */
const DIALER: ReadonlyMap<string, string> = new Map([
  ["if opt.TLSConfig == nil {", "secrets := compatTLS(opt.TLSConfig, addr)\n\t\tif secrets == nil {"],
  ["network, addr, opt.TLSConfig)", "network, addr, secrets)"],
]);
const SERVER = path.join(SOURCE, "testdata/redis/src/redis-server");
const RUN_TIMEOUT_MS = 300_000;
const MODULES = path.join(CACHE, "go/modules");
const ENVIRONMENT = { GOMODCACHE: MODULES, GOFLAGS: "-modcacherw" };
/** See README.md. */
const SKIPPED = "Sentinel|ClusterClient|Gears|JSON|Probabilistic|RedisTimeseries|UniversalClient";

/** The nodes of the suite's cluster are plain: its tests are left out, but it must come up. */
const PLAIN_PORTS = "8220 8221 8222 8223 8224 8225";

interface Run extends RunFiles {
  readonly server: ServerName;
  /** Without them it is plain. */
  readonly secrets: Secrets | undefined;
  readonly tests: readonly string[] | undefined;
}

export function goRedis(isSecure = false): Suite {
  return {
    name: `go-redis${isSecure ? "-tls" : ""}`,
    async prepare() {
      await fetchSource();
      await build(isSecure);
    },
    async run(server, files, tests) {
      const secrets = isSecure ? await makeSecrets() : undefined;
      installServer(server, secrets);
      await runTests({ ...files, server, secrets, tests });
    },
  };
}

async function fetchSource(): Promise<void> {
  if (existsSync(SOURCE)) return;
  const scratch = path.join(CACHE, "go");
  mkdirSync(scratch, { recursive: true });
  const options = { directory: scratch, environment: ENVIRONMENT };
  writeFileSync(path.join(scratch, "go.mod"), "module scratch\n");
  await mustRun("go", ["mod", "download", `${MODULE}@${VERSION}`], options);
  await mustRun("cp", ["-r", path.join(MODULES, `${MODULE}@${VERSION}`), SOURCE], options);
}

async function build(isSecure: boolean): Promise<void> {
  const program = isSecure ? SECURE_PROGRAM : PROGRAM;
  if (existsSync(program)) return;
  const overlay = isSecure ? ["-overlay", writeOverlay()] : [];
  const args = ["test", "-c", ...overlay, "-o", program, "."];
  await mustRun("go", args, { directory: SOURCE, environment: ENVIRONMENT });
}

/** Tells the compiler which files to read in place of those in the source. */
function writeOverlay(): string {
  const options = path.join(SOURCE, "options.go");
  let text = readFileSync(options, "utf8");
  for (const [original, changed] of DIALER) {
    if (text.split(original).length !== 2)
      throw new Error(`Change "${options}": "${original}" does not stand there once`);
    text = text.replace(original, changed);
  }
  const directory = path.join(CACHE, "go");
  const [changed, overlay] = [path.join(directory, "options.go"), path.join(directory, "overlay.json")];
  writeFileSync(changed, text);
  const additional = path.join(import.meta.dirname, "go_redis_tls.go");
  const replaced = { [options]: changed, [path.join(SOURCE, "compat_tls.go")]: additional };
  writeFileSync(overlay, JSON.stringify({ Replace: replaced }));
  return overlay;
}

async function runTests({ server, secrets, tests, junit, log }: Run): Promise<void> {
  const args = [
    "-test.run=TestGinkgoSuite",
    `-test.timeout=${RUN_TIMEOUT_MS / 1000}s`,
    `-ginkgo.junit-report=${junit}`,
    "-ginkgo.no-color",
  ];
  args.push(`-ginkgo.skip=${SKIPPED}`, "-ginkgo.seed=1");
  if (tests !== undefined) args.push(`-ginkgo.focus=${tests.map(patternOf).join("|")}`);
  const program = secrets === undefined ? PROGRAM : SECURE_PROGRAM;
  const environment = secrets === undefined ? {} : dialerSettings(secrets);
  await runProgram(program, args, { directory: SOURCE, environment, logFile: log, timeoutMs: RUN_TIMEOUT_MS + 10_000 });
  if (!existsSync(junit)) throw new Error(`go-redis against ${server} wrote no report: see ${log}`);
}

/** For a test that the report calls `go-redis::[It] Tx should discard [its labels]`. */
function patternOf(test: string): string {
  const text = test.replace(/^go-redis::\[It\] /, "").replace(/ \[[^\]]*\]$/, "");
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function dialerSettings({ authority, client }: Secrets): Readonly<Record<string, string>> {
  return {
    ...{ KV_COMPAT_AUTHORITY: authority, KV_COMPAT_CERT: client.cert, KV_COMPAT_KEY: client.key },
    KV_COMPAT_PLAIN_PORTS: PLAIN_PORTS,
  };
}

/** The sentinels the suite waits for at its start are redis-server's in both runs: ours has none. */
function installServer(server: ServerName, secrets: Secrets | undefined): void {
  mkdirSync(path.dirname(SERVER), { recursive: true });
  writeFileSync(path.join(SOURCE, "testdata/redis/redis.conf"), 'save ""\nenable-debug-command yes\n');
  const script = [
    "#!/bin/sh",
    ...(secrets === undefined ? [] : securing(secrets)),
    'case " $* " in *" --sentinel "*) exec redis-server "$@" ;; esac',
    `exec "${serverProgram(server)}" "$@" ${ownDirectives(server).join(" ")}`,
  ];
  writeFileSync(SERVER, `${script.join("\n")}\n`);
  chmodSync(SERVER, 0o755);
}

/** The port that the suite asks for becomes the one for TLS: of directives given twice, the last counts. */
function securing(secrets: Secrets): readonly string[] {
  const directives = tlsDirectives(secrets).map((word) => `"${word}"`);
  return [
    'for word; do [ "$last" = --port ] && port=$word; last=$word; done',
    `case " ${PLAIN_PORTS} " in *" $port "*) ;;`,
    `*) set -- "$@" --port 0 --tls-port "$port" ${directives.join(" ")} ;; esac`,
  ];
}
