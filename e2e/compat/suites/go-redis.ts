/**
 * go-redis' own tests, from its module on the Go module proxy. They start the servers they want themselves, from a path
 * inside their folder, where a small script of ours starts the kind of server under test. Over TLS these have no plain
 * port, and the suite is built a second time, with a dialer that turns to go_redis_tls.go.
 */

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CACHE, mustRun, runProgram } from "../cache.ts";
import { makeSecrets, type Secrets, tlsDirectives } from "../secrets.ts";
import { DEFAULT_PORT, ownDirectives, serverProgram, withServer } from "../servers.ts";
import type { RunFiles, ServerName, Suite } from "../suite.ts";

const VERSION = "v9.5.1";
const MODULE = "github.com/redis/go-redis/v9";
const SOURCE = path.join(CACHE, "go-redis");
const PROGRAM = path.join(SOURCE, "suite.test");
const SECURE_PROGRAM = path.join(SOURCE, "suite-tls.test");
/** What is other in the dialers of the second, by the file they stand in. */
const DIALERS: ReadonlyMap<string, readonly (readonly [original: string, changed: string])[]> = new Map([
  [
    "options.go",
    [
      ["if opt.TLSConfig == nil {", "secrets := compatTLS(opt.TLSConfig, addr)\n\t\tif secrets == nil {"],
      ["network, addr, opt.TLSConfig)", "network, addr, secrets)"],
    ],
  ],
  [
    "sentinel.go",
    [
      [
        "if failover.opt.TLSConfig == nil {",
        "secrets := compatTLS(failover.opt.TLSConfig, addr)\n\t\tif secrets == nil {",
      ],
      ["network, addr, failover.opt.TLSConfig)", "network, addr, secrets)"],
    ],
  ],
]);
const SERVER = path.join(SOURCE, "testdata/redis/src/redis-server");
const RUN_TIMEOUT_MS = 400_000;
const MODULES = path.join(CACHE, "go/modules");
const ENVIRONMENT = { GOMODCACHE: MODULES, GOFLAGS: "-modcacherw" };
/** See README.md. */
const SKIPPED = "Gears|JSON|Probabilistic|RedisTimeseries";
const SKIPPED_SECURE = String.raw`${SKIPPED}|\bClusterClient|to clusters`;

/**
 * What is plain all the same: the nodes of the suite's cluster (its tests are left out, but it must come up), and the one
 * server that the suite takes for granted.
 */
const PLAIN_PORTS = `8220 8221 8222 8223 8224 8225 ${DEFAULT_PORT}`;

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
      await withServer(server, () => runTests({ ...files, server, secrets, tests }));
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
  const directory = path.join(CACHE, "go");
  const additional = path.join(import.meta.dirname, "go_redis_tls.go");
  const replaced: Record<string, string> = { [path.join(SOURCE, "compat_tls.go")]: additional };
  for (const [name, changes] of DIALERS) {
    const [original, changed] = [path.join(SOURCE, name), path.join(directory, name)];
    writeFileSync(changed, changes.reduce(withChange, readFileSync(original, "utf8")));
    replaced[original] = changed;
  }
  const overlay = path.join(directory, "overlay.json");
  writeFileSync(overlay, JSON.stringify({ Replace: replaced }));
  return overlay;
}

function withChange(text: string, [original, changed]: readonly [string, string]): string {
  if (text.split(original).length !== 2) throw new Error(`Change go-redis: "${original}" does not stand in it once`);
  return text.replace(original, changed);
}

async function runTests({ server, secrets, tests, junit, log }: Run): Promise<void> {
  const args = [
    "-test.run=TestGinkgoSuite",
    `-test.timeout=${RUN_TIMEOUT_MS / 1000}s`,
    `-ginkgo.junit-report=${junit}`,
    "-ginkgo.no-color",
  ];
  args.push(`-ginkgo.skip=${secrets === undefined ? SKIPPED : SKIPPED_SECURE}`, "-ginkgo.seed=1");
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
