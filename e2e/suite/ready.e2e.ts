// A manifest becomes a serving cluster: Ready in time, all slots, and what kubectl shows of it.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { example } from "../harness/manifest.ts";
import { explainFailure, scene } from "../harness/scene.ts";
import { printed, shownAfter } from "../pages/page.ts";
import { openShell, type Shell } from "../pages/shell.ts";
import { outputPattern, withEvenSpaces } from "../pages/shown-output.ts";
import { typeInto } from "../pages/terminal.ts";

const READY_WITHIN_MS = 45_000;
const it = scene("ready", "baseline");
let shell: Shell;

beforeAll(async () => {
  shell = await openShell(it.namespace);
});
afterAll(() => shell.close());

describe("examples/minimal.yaml", () => {
  test("is Ready within 45 s, with three shards of a primary and a replica, and all slots", async () => {
    explainFailure(it.namespace);
    const started = performance.now();
    await it.apply(example("minimal.yaml"));
    const cluster = await it.ready("minimal", READY_WITHIN_MS);
    expect(performance.now() - started).toBeLessThan(READY_WITHIN_MS);
    expect(cluster.status).toMatchObject({ slotsAssigned: 16384, readyInstances: 6, ready: "6/6" });
    const shards = cluster.status?.shardStatus ?? [];
    expect(shards.map(({ index, replicas }) => ({ index, replicas: replicas?.length }))).toEqual([
      { index: 0, replicas: 1 },
      { index: 1, replicas: 1 },
      { index: 2, replicas: 1 },
    ]);
    expect(new Set(shards.flatMap(({ primary, replicas }) => [primary, ...(replicas ?? [])])).size).toBe(6);
  });

  test("shows mode, shards, ready pods and phase in `kubectl get kvc`", async () => {
    const command = printed("README.md", "kubectl get kvc\n");
    const output = await shell.run(command);
    expect(withEvenSpaces(output)).toMatch(outputPattern(shownAfter("README.md", command)));
  });

  test("is typed to as the README says", async () => {
    explainFailure(it.namespace);
    const connect = shell.program(printed("README.md", "PASSWORD=$(kubectl get secret minimal-connection"));
    const seen = await typeInto(connect, /\d> $/, ["SET typed hello", "GET typed", "QUIT"]);
    expect(seen).toMatch(/\nOK\n(.|\n)*\n"hello"\n/);
  });

  test("serves the Python example of the README as printed", async () => {
    explainFailure(it.namespace);
    const program = printed("README.md", "import os");
    expect(await it.python(program, { PASSWORD: await it.password("minimal") })).toBe(
      "b'hello' {b'name': b'Ada', b'born': b'1815'} [b'ada', b'bob']\n",
    );
  });

  test("is clean to `redis-cli --cluster check`", async () => {
    explainFailure(it.namespace);
    const report = await it.redisCli("minimal", ["--cluster", "check", "minimal:6379"]);
    expect(report).toContain("[OK] All nodes agree about slots configuration");
    expect(report).toContain("[OK] All 16384 slots covered");
    expect(report).not.toMatch(/\[(ERR|WARNING)\]/);
  });
});
