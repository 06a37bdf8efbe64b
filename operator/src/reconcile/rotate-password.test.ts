import { describe, expect, it } from "vitest";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import { decodeData, type Manifest } from "../resources/manifest.ts";
import { CLUSTER, type SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { go, worlds } from "./simulated-life.ts";

const MINUTE_MS = 60_000;
const startWorld = worlds();

const mine = (password: string): Manifest => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "mine", namespace: CLUSTER.namespace },
  data: { pw: Buffer.from(password).toString("base64") },
});

async function start(): Promise<SimulatedKubernetes> {
  const seen = await startWorld({ auth: { passwordSecretRef: { name: "mine", key: "pw" } } });
  seen.server.seed(mine("old"));
  await seen.settle();
  return seen;
}

const change = (seen: SimulatedKubernetes, password: string) =>
  seen.server.change(mine(password), { data: mine(password).data ?? {} });
const accepted = (seen: SimulatedKubernetes) =>
  seen.servers.nodes.map(({ id }) => [...(seen.accepted.get(id) ?? [])].sort().join(" "));

function secretOf(seen: SimulatedKubernetes, name: string, key: string): string | undefined {
  return decodeData(seen.server.find<Manifest>(RESOURCE_KINDS.Secret, CLUSTER.namespace, name)?.data, key);
}

describe("a new password", () => {
  it("is accepted by all servers beside the old one, goes into the Secrets, and then is the only one", async () => {
    const seen = await start();
    change(seen, "new");
    await seen.settle();
    expect(new Set(accepted(seen))).toEqual(new Set(["new old"]));
    expect(secretOf(seen, "kv-server-auth", "auth.conf")).toContain('requirepass "new"');
    expect(secretOf(seen, "kv-connection", "password")).toBe("new");
    expect(secretOf(seen, "kv-server-auth", "old-password")).toBe("old");
    seen.clock.nowMs += 6 * MINUTE_MS;
    await seen.settle();
    expect(new Set(accepted(seen))).toEqual(new Set(["new"]));
    expect(secretOf(seen, "kv-server-auth", "old-password")).toBeUndefined();
    expect(seen.events.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(["PasswordChanged", "OldPasswordDropped"]),
    );
  });

  it("waits until all servers answer, and says so", async () => {
    const seen = await start();
    const silent = seen.servers.nodes[3];
    if (silent !== undefined) silent.isSilent = true;
    change(seen, "new");
    await go(seen, 4);
    expect(new Set(accepted(seen))).toEqual(new Set(["old"]));
    expect(secretOf(seen, "kv-connection", "password")).toBe("old");
    expect(JSON.stringify(seen.cluster().status)).toContain("it is taken on when all servers answer");
    if (silent !== undefined) silent.isSilent = false;
    await seen.settle();
    expect(new Set(accepted(seen))).toEqual(new Set(["new old"]));
  });

  it("reaches a server that restarted with the old one in between", async () => {
    const seen = await start();
    change(seen, "new");
    await seen.settle();
    const restarted = seen.servers.nodes[2];
    seen.accepted.set(restarted?.id ?? "", new Set(["old"]));
    await seen.settle();
    expect(new Set(accepted(seen))).toEqual(new Set(["new old"]));
    seen.clock.nowMs += 6 * MINUTE_MS;
    await seen.settle();
    expect(new Set(accepted(seen))).toEqual(new Set(["new"]));
  });

  it("is taken on though the operator dies after every pass, and sometimes in the middle of one", async () => {
    const seen = await start();
    change(seen, "new");
    for (let round = 0; round < 12; round++) {
      seen.tick();
      if (round % 2 === 0) seen.server.refuse({ method: "PATCH", path: /secrets|status/, status: 500 });
      await seen.pass().catch(() => undefined);
      seen.restartOperator();
      seen.clock.nowMs += MINUTE_MS;
    }
    seen.clock.nowMs += 6 * MINUTE_MS;
    await seen.settle();
    expect(new Set(accepted(seen))).toEqual(new Set(["new"]));
    expect(secretOf(seen, "kv-connection", "password")).toBe("new");
  });

  it("causes no write once it is taken on", async () => {
    const seen = await start();
    change(seen, "new");
    await seen.settle();
    const version = seen.server.resourceVersion;
    await go(seen, 4);
    expect(seen.server.resourceVersion).toBe(version);
  });
});
