/**
 * `make compat`: the test suites of client libraries, run against redis-server and against ours, and compared. Fails when a
 * test passes there and not here without an entry in exceptions.ts. First everything is fetched and built; then the runs
 * happen in a network of their own where the system allows it, since the suites insist on fixed ports.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { CACHE, RESULTS, runProgram } from "./cache.ts";
import { compareSuite } from "./compare.ts";
import { print } from "./print.ts";
import type { Suite } from "./suite.ts";
import { celery } from "./suites/celery.ts";
import { goRedis } from "./suites/go-redis.ts";
import { libraries } from "./suites/libraries.ts";
import { redisPy } from "./suites/redis-py.ts";

const SUITES: readonly Suite[] = [
  ...[redisPy(2), redisPy(3), goRedis()],
  ...[redisPy(2, true), redisPy(3, true), goRedis(true)],
  ...[libraries, celery],
];
/** Set in the process that runs inside the network of its own. */
const ISOLATED = "KV_COMPAT_ISOLATED";

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  const suites = SUITES.filter(({ name }) => words.length === 0 || words.some((word) => isMeant(name, word)));
  if (suites.length === 0)
    throw new Error(`No suite is called so: there are ${SUITES.map(({ name }) => name).join(", ")}`);
  mkdirSync(RESULTS, { recursive: true });
  if (process.env[ISOLATED] === undefined) {
    for (const suite of suites) await suite.prepare();
    if (canIsolate()) return runIsolated(words);
    print("No network of our own can be made here: the ports of the suites must be free on this machine");
  }
  let isSame = true;
  for (const suite of suites) isSame = (await compareSuite(suite)) && isSame;
  return isSame ? 0 : 1;
}

/** By its name, or by the beginning of one that is nobody's. */
function isMeant(name: string, word: string): boolean {
  return name === word || (name.startsWith(word) && SUITES.every((suite) => suite.name !== word));
}

function isolation(): readonly string[] {
  return process.getuid?.() === 0 ? ["--net"] : ["--map-root-user", "--net"];
}

function canIsolate(): boolean {
  return spawnSync("unshare", [...isolation(), "ip", "link", "set", "lo", "up"]).status === 0;
}

function runIsolated(words: readonly string[]): Promise<number> {
  const self = [process.execPath, ...process.execArgv, import.meta.filename, ...words];
  const script = 'ip link set lo up && exec "$@"';
  const args = [...isolation(), "sh", "-c", script, "sh", ...self];
  return runProgram("unshare", args, { directory: CACHE, environment: { [ISOLATED]: "1" } });
}
