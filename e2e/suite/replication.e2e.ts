// The modes without a cluster: one server alone, and a primary with replicas whose Services follow it while it is stopped, killed
// and replaced; no confirmed write is lost. One becomes the other with its data.
import { beforeAll, describe, expect, test } from "vitest";
import { clientScript } from "../harness/client-script.ts";
import { eventually } from "../harness/eventually.ts";
import { kubectl } from "../harness/kubectl.ts";
import { clusterManifest } from "../harness/manifest.ts";
import { explainFailure, scene } from "../harness/scene.ts";

const NAME = "pair";
const LOAD_SECONDS = 40;
const BEFORE_MS = 5_000;
const RESUMES_WITHIN_SECONDS = 12;
/** A lease has to run out first. */
const REPLACED_WITHIN_SECONDS = 25;
const it = scene("replication");

beforeAll(async () => {
  await it.apply(clusterManifest(NAME, { mode: "Replication", shards: 1, replicasPerShard: 2 }));
  await it.ready(NAME, 90_000);
});

async function primary(name = NAME): Promise<string> {
  const { status } = await it.ready(name, 90_000);
  return status?.shardStatus?.[0]?.primary ?? "";
}

/** As in a crash: nobody hands over. */
async function endProcess(pod: string): Promise<void> {
  const login = `REDISCLI_AUTH=${await it.password(NAME)}`;
  await it.client(["env", login, "redis-cli", "-h", `${pod}.${NAME}-nodes`, "SHUTDOWN", "NOSAVE", "NOW", "FORCE"]);
}

async function roleAt(service: string): Promise<string> {
  const argv = ["env", `REDISCLI_AUTH=${await it.password(NAME)}`, "redis-cli", "-h", service, "ROLE"];
  return (await it.client(argv)).stdout.split("\n")[0] ?? "";
}

async function load(disturb: () => Promise<unknown>): Promise<{ confirmed: number; gone: number; longest: number }> {
  const environment = { HOST: `${NAME}-write`, PASSWORD: await it.password(NAME) };
  const running = it.python(clientScript("acknowledged.py"), environment, [`${LOAD_SECONDS}`]);
  await new Promise((resolve) => setTimeout(resolve, BEFORE_MS));
  await disturb();
  const text = await running;
  process.stdout.write(text);
  const [confirmed = 0, gone = -1, longest = -1] = [...text.matchAll(/=([\d.]+)/g)].map(([, value]) => Number(value));
  return { confirmed, gone, longest };
}

describe("a primary with replicas", () => {
  test("is written to and read from through Services that follow the roles", async () => {
    explainFailure(it.namespace);
    expect(await roleAt(`${NAME}-write`)).toBe("master");
    expect(await roleAt(NAME)).toBe("master");
    expect(await roleAt(`${NAME}-read`)).toBe("slave");
  });

  test("hands over when its pod is deleted: writes go on soon, none that was confirmed is lost", async () => {
    explainFailure(it.namespace);
    const old = await primary();
    const result = await load(() => kubectl("-n", it.namespace, "delete", "pod", old, "--wait=false"));
    expect(result.confirmed).toBeGreaterThan(100);
    expect(result.gone).toBe(0);
    expect(result.longest).toBeLessThan(RESUMES_WITHIN_SECONDS);
    expect(await primary()).not.toBe(old);
  });

  test("is replaced when its process ends without a word, and comes back as a replica", async () => {
    explainFailure(it.namespace);
    const old = await primary();
    const result = await load(() => endProcess(old));
    expect(result.gone).toBe(0);
    expect(result.longest).toBeLessThan(RESUMES_WITHIN_SECONDS);
    const { status } = await it.ready(NAME, 90_000);
    expect(status?.shardStatus?.[0]?.primary).not.toBe(old);
    expect(status?.shardStatus?.[0]?.replicas).toContain(old);
    await eventually("the write Service at the new primary", { withinMs: 20_000 }, async () => {
      expect(await roleAt(`${NAME}-write`)).toBe("master");
    });
  });
});

describe("a primary whose pod is removed by force", () => {
  test("is replaced when its process cannot take writes any more, wherever that is", async () => {
    explainFailure(it.namespace);
    const old = await primary();
    const remove = () => kubectl("-n", it.namespace, "delete", "pod", old, "--grace-period=0", "--force");
    const result = await load(remove);
    expect(result.gone).toBe(0);
    expect(result.longest).toBeLessThan(REPLACED_WITHIN_SECONDS);
    await it.ready(NAME, 90_000);
  });
});

describe("one server alone", () => {
  test("has one Service, and gets replicas in place with its data", async () => {
    explainFailure(it.namespace);
    await it.apply(clusterManifest("alone", { mode: "Standalone", shards: 1, replicasPerShard: 0 }));
    await it.ready("alone", 60_000);
    await it.redisCli("alone", ["SET", "kept", "value"]);
    const services = await kubectl("-n", it.namespace, "get", "service", "-o", "name");
    expect(services).not.toContain("alone-write");
    await it.edit("alone", { mode: "Replication", replicasPerShard: 1 });
    await it.ready("alone", 120_000);
    await eventually("both servers current", { withinMs: 120_000 }, async () => {
      const condition = "jsonpath={.status.conditions[?(@.type=='UpToDate')].status}";
      expect(await kubectl("-n", it.namespace, "get", "kvc/alone", "-o", condition)).toBe("True");
    });
    await it.ready("alone", 60_000);
    expect((await it.redisCli("alone", ["GET", "kept"])).trim()).toBe("value");
  });
});
