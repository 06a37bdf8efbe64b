import { afterEach, expect, test } from "vitest";
import { QUIET_FACTS } from "../observability/fake-facts.ts";
import { createMetricsReader } from "../observability/metrics.ts";
import { AdminServer } from "./admin-server.ts";

let server: AdminServer | undefined;

afterEach(async () => {
  await server?.stop();
});

async function start(facts = QUIET_FACTS): Promise<string> {
  server = new AdminServer({ port: 0, host: "127.0.0.1", facts, readMetrics: createMetricsReader(facts) });
  return `http://127.0.0.1:${await server.start()}`;
}

test("answers health, readiness, status and metrics", async () => {
  const base = await start();
  expect(await (await fetch(`${base}/healthz`)).text()).toBe("ok\n");
  expect(await (await fetch(`${base}/readyz`)).json()).toEqual({ ready: true, reasons: [] });
  expect(await (await fetch(`${base}/status`)).json()).toMatchObject({ role: "primary", isReady: true });
  const metrics = await fetch(`${base}/metrics`);
  expect(metrics.headers.get("content-type")).toContain("text/plain");
  expect(await metrics.text()).toContain("redis_connected_clients 1");
  expect((await fetch(`${base}/other`)).status).toBe(404);
});

test("is alive but not ready while loading", async () => {
  const loading = { startedAtMs: 0, totalBytes: 10, loadedBytes: 1, isServing: false };
  const base = await start({ ...QUIET_FACTS, persistence: () => ({ ...QUIET_FACTS.persistence(), loading }) });
  expect((await fetch(`${base}/healthz`)).status).toBe(200);
  const ready = await fetch(`${base}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toEqual({ ready: false, reasons: ["The data set is still loading"] });
});

test("a taken port rejects start", async () => {
  const port = Number(new URL(await start()).port);
  const second = new AdminServer({
    port,
    host: "127.0.0.1",
    facts: QUIET_FACTS,
    readMetrics: createMetricsReader(QUIET_FACTS),
  });
  await expect(second.start()).rejects.toThrow("EADDRINUSE");
});
