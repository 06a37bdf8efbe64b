// A settled cluster is left in peace: for some minutes nobody writes to it, and the operator writes nothing at all but
// its Lease. Counted twice: no object changes its resourceVersion, and the API server's audit log (where the cluster is
// ours) or its request metrics (elsewhere) have no write by the operator.
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { kubectl, listObjects } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, scene } from "../harness/scene.ts";

const QUIET_MS = Number(process.env.QUIET_SECONDS ?? 300) * 1_000;
/** From Ready to settled: probes, endpoints and the last status of the pods. */
const SETTLE_MS = 20_000;
const KINDS = "kvc,kvb,kvsb,statefulsets,pods,services,endpointslices,configmaps,secrets,pvc,pdb,events";
const AUDIT_LOG = process.env.AUDIT_LOG;
const it = scene("quiet");

beforeAll(async () => {
  await it.apply(clusterManifest("quiet"));
  await it.ready("quiet", 90_000);
  await delay(SETTLE_MS);
});

describe("a settled cluster", () => {
  test(`causes no API writes for ${QUIET_MS / 1_000} s`, { timeout: QUIET_MS + 60_000 }, async () => {
    explainFailure(it.namespace);
    const versions = await resourceVersions();
    const writes = await operatorWrites();
    await delay(QUIET_MS);
    expect(await resourceVersions()).toEqual(versions);
    expect((await operatorWrites()).slice(writes.length)).toEqual([]);
    expect(Object.keys(versions).length).toBeGreaterThan(10);
  });
});

async function resourceVersions(): Promise<Readonly<Record<string, string>>> {
  const objects = await listObjects(it.namespace, KINDS);
  return Object.fromEntries(
    objects.map(({ kind, metadata }) => [`${kind}/${metadata.name}`, metadata.resourceVersion]),
  );
}

/** One line for each write so far; the number of lines only grows. */
async function operatorWrites(): Promise<readonly string[]> {
  return AUDIT_LOG === undefined ? writesByMetrics() : writesByAudit(AUDIT_LOG);
}

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource?: string; readonly name?: string; readonly subresource?: string };
}

function writesByAudit(path: string): readonly string[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ user, objectRef }) => user.username.includes(":kvcluster") && objectRef?.resource !== "leases")
    .map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}/${objectRef?.name} ${objectRef?.subresource ?? ""}`);
}

async function writesByMetrics(): Promise<readonly string[]> {
  const metrics = await kubectl("get", "--raw", "/metrics");
  const ours =
    /^apiserver_request_total\{.*(group="kvcluster\.dev"|resource="(statefulsets|poddisruptionbudgets)").*verb="(POST|PUT|PATCH|APPLY|DELETE)"/;
  return metrics
    .split("\n")
    .filter((line) => ours.test(line))
    .flatMap((line) => Array.from({ length: Number(line.slice(line.lastIndexOf(" "))) }, () => line));
}
