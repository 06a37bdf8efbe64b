/**
 * Runs one suite against both servers and says what differs. A test counts when redis-server passes it or does not run it
 * (suites ask the server for its version, and ours names a newer one); what fails against both is the suite's own trouble.
 */

import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { RESULTS } from "./cache.ts";
import { EXCEPTIONS, type Exception } from "./exceptions.ts";
import { type Outcome, parseJunit } from "./junit.ts";
import { print } from "./print.ts";
import { SERVERS, type ServerName, type Suite } from "./suite.ts";

const MOST_ACCIDENTS = 5;

interface SuiteRun {
  readonly server: ServerName;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly seconds: number;
}

interface Difference {
  readonly test: string;
  readonly exception: Exception | undefined;
}

/** Whether every test that should pass here does. */
export async function compareSuite(suite: Suite): Promise<boolean> {
  print(`\n${suite.name}`);
  const runs: SuiteRun[] = [];
  for (const server of SERVERS) {
    const run = await runOnce(suite, server);
    print(describeRun(run));
    runs.push(run);
  }
  const [reference, own] = runs as [SuiteRun, SuiteRun];
  const differences = lost(reference, own).map((test) => ({ test, exception: exceptionFor(suite.name, test) }));
  report(
    "fail against both",
    failed(reference).filter((test) => own.outcomes.get(test) === "failed"),
  );
  report(
    "run here only",
    onlyHere(reference, own).filter((test) => own.outcomes.get(test) === "passed"),
    true,
  );
  reportExcepted(differences);
  report("exceptions no longer needed", unneeded(suite.name, differences));
  const unexplained = differences.filter(({ exception }) => exception === undefined).map(({ test }) => test);
  const unlucky = await passedAgain(suite, unexplained);
  report("failed here only, and passed when run once more", unlucky);
  const lasting = unexplained.filter((test) => !unlucky.includes(test));
  report("FAIL HERE ONLY", lasting);
  return lasting.length === 0;
}

/** Some tests measure time to a few milliseconds, which a busy machine lets fail. More than a few are no accident. */
async function passedAgain(suite: Suite, tests: readonly string[]): Promise<readonly string[]> {
  if (tests.length === 0 || tests.length > MOST_ACCIDENTS) return [];
  const { outcomes } = await runOnce(suite, "kv-server", tests);
  return tests.filter((test) => outcomes.get(test) === "passed");
}

async function runOnce(suite: Suite, server: ServerName, tests?: readonly string[]): Promise<SuiteRun> {
  const base = path.join(RESULTS, `${suite.name}-${server}${tests === undefined ? "" : "-again"}`);
  const junit = `${base}.xml`;
  rmSync(junit, { force: true });
  const start = performance.now();
  await suite.run(server, { junit, log: `${base}.log` }, tests);
  const outcomes = parseJunit(readFileSync(junit, "utf8"));
  if (outcomes.size === 0) throw new Error(`Read "${junit}": no test ran, see ${base}.log`);
  return { server, outcomes, seconds: (performance.now() - start) / 1000 };
}

function describeRun({ server, outcomes, seconds }: SuiteRun): string {
  const counts: Record<Outcome, number> = { passed: 0, failed: 0, skipped: 0 };
  for (const outcome of outcomes.values()) counts[outcome]++;
  const columns = Object.entries(counts).map(([outcome, count]) => `${String(count).padStart(5)} ${outcome}`);
  return `  ${server.padEnd(13)}${columns.join(" ")}   ${seconds.toFixed(0).padStart(4)} s`;
}

function failed(run: SuiteRun): string[] {
  return [...run.outcomes].filter(([, outcome]) => outcome === "failed").map(([test]) => test);
}

/** Passed there and not here, which includes skipped or not run at all here; or run and failed here only. */
function lost(reference: SuiteRun, own: SuiteRun): string[] {
  const passedThere = [...reference.outcomes].filter(([, outcome]) => outcome === "passed").map(([test]) => test);
  const notHere = passedThere.filter((test) => own.outcomes.get(test) !== "passed");
  const failedHereOnly = onlyHere(reference, own).filter((test) => own.outcomes.get(test) === "failed");
  return [...notHere, ...failedHereOnly];
}

function onlyHere(reference: SuiteRun, own: SuiteRun): string[] {
  return [...own.outcomes.keys()].filter((test) => (reference.outcomes.get(test) ?? "skipped") === "skipped");
}

function exceptionFor(suite: string, test: string): Exception | undefined {
  return EXCEPTIONS.find(({ suites, tests }) => suites.test(suite) && tests.test(test));
}

function unneeded(suite: string, differences: readonly Difference[]): string[] {
  const needed = new Set(differences.map(({ exception }) => exception));
  const ofSuite = EXCEPTIONS.filter((exception) => exception.suites.test(suite) && !needed.has(exception));
  return ofSuite.map(({ tests, reason }) => `${tests} (${reason})`);
}

function report(title: string, tests: readonly string[], isCountOnly = false): void {
  if (tests.length === 0) return;
  print(`  ${title}: ${tests.length}`);
  if (!isCountOnly) for (const test of tests) print(`    ${test}`);
}

function reportExcepted(differences: readonly Difference[]): void {
  const byReason = new Map<string, string[]>();
  for (const { test, exception } of differences) {
    if (exception === undefined) continue;
    const tests = byReason.get(exception.reason) ?? [];
    byReason.set(exception.reason, [...tests, test]);
  }
  for (const [reason, tests] of byReason) report(`excepted (${reason})`, tests);
}
