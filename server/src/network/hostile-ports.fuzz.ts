import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../persistence/reference-redis.ts";
import { Certificates } from "../testing/certificates.ts";
import { attackPorts } from "../testing/hostile-ports.ts";

const SEED = Number(process.env.SEED || Date.now() % 1_000_000_000);
const REQUESTS = Number(process.env.CALLS || 1_000_000);
const MIB = 1 << 20;

test(`${REQUESTS} hostile requests from seed ${SEED} on all ports stop nothing and leave nothing behind`, async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "kv-hostile-"));
  const certificates = new Certificates();
  try {
    certificates.issue("server");
    const ports = { plain: await portWithBus(), tls: await freePort(), admin: await freePort() };
    const report = await attackPorts({ seed: SEED, requests: REQUESTS, certificates, directory, ports });
    const [before, after] = [report.bytesBefore, report.bytesAfter].map((bytes) => Math.round(bytes / MIB));
    process.stdout.write(
      `${report.requests} requests on ${report.connections} connections, seed ${SEED}: ${before} MiB before, ${after} MiB after\n`,
    );
    expect(report.bytesAfter).toBeLessThan(report.bytesBefore + 32 * MIB);
  } finally {
    certificates.remove();
    rmSync(directory, { recursive: true, force: true });
  }
});

/** The bus listens 10,000 above. */
async function portWithBus(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port < 55_000) return port;
  }
}
