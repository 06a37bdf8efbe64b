import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { conditionOf, type UntimedCondition } from "../api/condition.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import { decodeData, type Manifest } from "../resources/manifest.ts";
import { CLUSTER, type SimulatedKubernetes } from "./simulated-kubernetes.ts";
import { conditionIn, go, worlds } from "./simulated-life.ts";

const startWorld = worlds();

const secret = (name: string, password: string): Manifest => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace: CLUSTER.namespace },
  data: { password: Buffer.from(password).toString("base64") },
});
const hash = (password: string) => `#${createHash("sha256").update(password).digest("hex")}`;
const user = (name: string, rules: readonly string[] = ["~app:*", "+@read"], secrets = [`${name}-password`]) => ({
  name,
  rules,
  passwordSecretRefs: secrets.map((of) => ({ name: of, key: "password" })),
});

async function start(users: readonly object[] = [user("alice")]): Promise<SimulatedKubernetes> {
  const seen = await startWorld({ shards: 3, replicasPerShard: 1, auth: { users } });
  seen.server.seed(secret("alice-password", "one\n"));
  await seen.settle();
  return seen;
}

const declare = (seen: SimulatedKubernetes, users: readonly object[]) =>
  seen.server.change(seen.cluster(), { spec: { auth: { users } } });
/** What the servers say of a user, each form once. */
const known = (seen: SimulatedKubernetes, name: string) => [
  ...new Set(seen.servers.nodes.map(({ id }) => seen.users.of(id).get(name))),
];
const file = (seen: SimulatedKubernetes) => {
  const found = seen.server.find<Manifest>(RESOURCE_KINDS.Secret, CLUSTER.namespace, "kv-server-auth");
  return decodeData(found?.data, "auth.conf") ?? "";
};
const messageOf = (seen: SimulatedKubernetes) =>
  conditionOf<UntimedCondition>(seen.cluster().status as never, "UsersApplied")?.message;

describe("a user of spec.auth.users", () => {
  it("is on every server, and in the file for the next start, with the hash of its password only", async () => {
    const seen = await start();
    const line = `user alice on sanitize-payload ${hash("one")} ~app:* +@read`;
    expect(known(seen, "alice")).toEqual([`${line} resetchannels`]);
    expect(file(seen)).toContain(`${line}\n`);
    expect(conditionIn(seen, "UsersApplied")).toBe("True Applied");
    const written = JSON.stringify([seen.server.writes, seen.events]);
    expect(written).not.toContain(Buffer.from("one").toString("base64"));
    expect(JSON.stringify(seen.events)).not.toContain(hash("one"));
  });

  it("has new rules at once, and goes from all servers when it leaves the spec, from one that was away too", async () => {
    const seen = await start();
    declare(seen, [user("alice", ["allkeys", "+get"])]);
    await seen.settle();
    expect(known(seen, "alice")).toEqual([`user alice on sanitize-payload ${hash("one")} allkeys +get resetchannels`]);
    const away = seen.servers.nodes[4];
    if (away === undefined) throw new Error("no such server");
    away.isSilent = true;
    declare(seen, []);
    await go(seen, 3);
    expect(new Set(known(seen, "alice"))).toEqual(new Set([undefined, known(seen, "alice").at(-1)]));
    away.isSilent = false;
    await seen.settle();
    expect([known(seen, "alice"), file(seen).includes("alice")]).toEqual([[undefined], false]);
    expect(known(seen, "default")).toEqual(["user default on ~* &* +@all"]);
  });

  it("logs in by a new password once its Secret has one, by both while it names two", async () => {
    const seen = await start();
    seen.server.seed(secret("alice-next", "two"));
    declare(seen, [user("alice", ["+@read"], ["alice-password", "alice-next"])]);
    await seen.settle();
    expect(known(seen, "alice")[0]).toContain(`on sanitize-payload ${hash("one")} ${hash("two")} +@read`);
    declare(seen, [user("alice", ["+@read"], ["alice-next"])]);
    await seen.settle();
    expect(known(seen, "alice")[0]).not.toContain(hash("one"));
    seen.server.change(secret("alice-next", "three"), { data: secret("alice-next", "three").data ?? {} });
    await seen.settle();
    expect(known(seen, "alice")).toEqual([`user alice on sanitize-payload ${hash("three")} +@read resetchannels`]);
    expect(file(seen)).toContain(hash("three"));
  });

  it("with rules that servers refuse is told of, stays as it was, and is in no file by which they would not start", async () => {
    const seen = await start();
    declare(seen, [user("alice", ["+nonsense"]), { ...user("bob", ["+nonsense"], ["alice-password"]) }]);
    await seen.settle();
    expect(conditionIn(seen, "UsersApplied")).toBe("False UserRefused");
    expect(messageOf(seen)).toContain("'+nonsense': Unknown command");
    expect([known(seen, "alice")[0], known(seen, "bob")]).toEqual([expect.stringContaining("+@read"), [undefined]]);
    expect(file(seen)).toContain("user alice on");
    expect(file(seen)).not.toContain("nonsense");
    expect(seen.events.filter(({ reason }) => reason === "UserRefused")).toHaveLength(1);
  });

  it("whose Secret is missing is told of, and appears with it", async () => {
    const seen = await start([user("bob")]);
    expect(conditionIn(seen, "UsersApplied")).toBe("False UserPasswordMissing");
    expect(messageOf(seen)).toContain('Secret "bob-password" has no "password"');
    seen.server.seed(secret("bob-password", "two"));
    await seen.settle();
    expect([conditionIn(seen, "UsersApplied"), known(seen, "bob").length]).toEqual(["True Applied", 1]);
  });

  it("is not said to be on all servers while some did not answer", async () => {
    const seen = await start();
    const [away] = seen.servers.nodes;
    if (away === undefined) throw new Error("no such server");
    away.isSilent = true;
    await go(seen, 2);
    expect([conditionIn(seen, "UsersApplied"), messageOf(seen)]).toEqual([
      "Unknown ServersUnheard",
      "1 of 6 servers did not answer",
    ]);
    declare(seen, [user("bob")]);
    await go(seen, 1);
    expect(conditionIn(seen, "UsersApplied")).toBe("False UserPasswordMissing");
    expect(messageOf(seen)).toMatch(/1 of 6 servers did not answer$/);
  });

  it("waits while the cluster is paused: servers are told nothing", async () => {
    const seen = await start();
    const before = known(seen, "alice");
    seen.server.change(seen.cluster(), {
      spec: { paused: true, auth: { users: [user("alice", ["allkeys"]), user("bob", [], ["alice-password"])] } },
    });
    const { sets } = seen.users;
    await go(seen, 4);
    expect([seen.users.sets, known(seen, "alice"), known(seen, "bob")]).toEqual([sets, before, [undefined]]);
    seen.server.change(seen.cluster(), { spec: { paused: false } });
    await seen.settle();
    expect(known(seen, "bob")).toHaveLength(1);
    expect(known(seen, "bob")).not.toContain(undefined);
  });

  it("costs one read of each Secret a pass, however many users refer to it", async () => {
    const seen = await start([
      user("alice"),
      user("bob", [], ["alice-password"]),
      user("carol", [], ["alice-password"]),
    ]);
    const reads = () => seen.server.requests.filter(({ path }) => path.endsWith("/secrets/alice-password")).length;
    const before = reads();
    await seen.pass();
    expect(reads() - before).toBe(1);
  });

  it("is put back on a server that lost it, and causes no write while all is well", async () => {
    const seen = await start();
    seen.users.of(seen.servers.nodes[2]?.id ?? "").set("alice", "user alice off");
    await seen.settle();
    expect(known(seen, "alice")).toHaveLength(1);
    const version = seen.server.resourceVersion;
    await go(seen, 4);
    expect(seen.server.resourceVersion).toBe(version);
  });
});
