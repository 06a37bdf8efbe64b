import { RespError } from "@kvcluster/protocol/resp-decoder";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KVBackup } from "../api/kv-backup.ts";
import type { KVCluster } from "../api/kv-cluster.ts";
import { RESOURCE_KINDS } from "../kube/resource-kinds.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { clusterWith, condition, exampleBackup, examplePod, exampleWorld } from "./example-world.ts";
import { type PluginScene, seedWorld, startPluginScene } from "./plugin-scene.ts";

const { KVCluster: CLUSTER, KVBackup: BACKUP, Pod: POD } = RESOURCE_KINDS;

let scene: PluginScene;

beforeEach(async () => {
  scene = await startPluginScene();
});

afterEach(async () => {
  await scene.stop();
});

const cluster = (): KVCluster => found(scene.api.find<KVCluster>(CLUSTER, "apps", "shop"));

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("The object is not there");
  return value;
}

describe("kubectl kv", () => {
  it("without a command, or with an unknown one, says which there are", async () => {
    expect(await scene.run()).toMatchObject({ code: 2, error: expect.stringContaining("status, failover") });
    expect(await scene.run("stauts")).toMatchObject({ code: 2, error: expect.stringContaining('"stauts"') });
  });

  it("shows help without a Kubernetes", async () => {
    for (const argv of [["--help"], ["help", "backup"], ["backup", "-h"]]) {
      expect(await scene.run(...argv)).toMatchObject({ code: 0, out: expect.stringContaining("Usage: kubectl kv") });
    }
    expect(scene.api.requests).toEqual([]);
  });

  it("says which clusters there are when one is not", async () => {
    seedWorld(scene, exampleWorld());
    const { code, error } = await scene.run("status", "shopp");
    expect([code, error]).toEqual([1, 'KVCluster "shopp" is not in namespace "apps": there is shop\n']);
    expect((await scene.run("status", "shop", "-n", "other")).error).toContain('in namespace "other": there is none');
  });

  it("explains what the API server refuses", async () => {
    scene.api.refuse({ status: 403 });
    const { code, error } = await scene.run("status");
    expect(code).toBe(1);
    expect(error).toContain("Your account lacks this right");
  });
});

describe("status", () => {
  it("shows a cluster with what its servers say, and as JSON", async () => {
    seedWorld(scene, exampleWorld());
    scene.statuses.set("shop-0-0", { role: "primary", keys: 7, cluster: { ownSlots: 5461 } });
    const text = await scene.run("status", "shop");
    expect(text.out).toMatch(/^0 +primary +shop-0-0 +node-1 +yes +- +- +- +7 /m);
    const json = JSON.parse((await scene.run("status", "shop", "-o", "json")).out);
    expect(json).toMatchObject({ name: "shop", phase: "Ready", backups: [{ name: "shop-today" }] });
    expect(json.shards[0].servers[0]).toMatchObject({ pod: "shop-0-0", keys: 7 });
    expect(`${text.out}${JSON.stringify(json)}`).not.toContain("s3cret");
  });

  it("lists clusters, and says where there is none", async () => {
    expect((await scene.run("status")).out).toBe('There is no KVCluster in namespace "apps"\n');
    seedWorld(scene, exampleWorld());
    expect((await scene.run("status", "-A")).out).toMatch(/^apps +shop +Cluster +3 +1 +6\/6/m);
  });

  it("goes without backups where they may not be listed", async () => {
    seedWorld(scene, exampleWorld());
    scene.api.refuse({ path: /kvbackups/, status: 403 });
    expect((await scene.run("status", "shop")).out).toContain("You may not list kvbackups here");
  });

  it("waits until slots have moved, one line for each step", async () => {
    const conditions = (left: number) =>
      left === 0
        ? clusterWith().status?.conditions
        : [condition("Balanced", "False", "MovingSlots", `${left} slots have yet to move`)];
    seedWorld(scene, exampleWorld({ cluster: clusterWith({ conditions: conditions(200) ?? [], phase: "Updating" }) }));
    const steps = [200, 100, 0];
    scene.onWait = () => {
      const left = steps.shift() ?? 0;
      const status = { ...cluster().status, conditions: conditions(left), phase: left === 0 ? "Ready" : "Updating" };
      scene.api.setStatus(cluster(), status);
    };
    const { code, out } = await scene.run("status", "shop", "--wait");
    expect(code).toBe(0);
    expect(out.match(/\d+ slots have yet to move/g)).toEqual([
      "200 slots have yet to move",
      "100 slots have yet to move",
    ]);
    expect(out.trimEnd().split("\n").at(-1)).toContain("shop: Ready");
  });

  it("gives up waiting with an exit code of its own", async () => {
    seedWorld(scene, exampleWorld({ cluster: clusterWith({ phase: "Degraded" }) }));
    const { code, error } = await scene.run("status", "shop", "--wait", "--timeout", "10s");
    expect([code, error]).toEqual([3, 'Not done in time: KVCluster "shop" is not settled\n']);
  });
});

describe("restart", () => {
  it("sets the operator's annotation, and nothing else", async () => {
    seedWorld(scene, exampleWorld());
    const { code, out } = await scene.run("restart", "shop");
    expect([code, out]).toEqual([0, 'Asked for a restart of the 6 servers of "shop", one at a time\n']);
    expect(cluster().metadata.annotations).toEqual({ "kvcluster.dev/restart": "2026-11-28T23:00:00.000Z" });
    expect(scene.api.writes.map(({ query }) => query.fieldManager)).toEqual(["kubectl-kv"]);
  });

  it("waits until every pod is another one", async () => {
    seedWorld(scene, exampleWorld({ pods: [examplePod(0, 0), examplePod(0, 1)] }));
    const names = ["shop-0-1", "shop-0-0"];
    scene.onWait = () => {
      const name = names.shift();
      if (name === undefined) return;
      scene.api.remove(found(scene.api.find(POD, "apps", name)));
      const pod = examplePod(0, name.endsWith("0") ? 0 : 1);
      scene.api.seed({ ...pod, metadata: { ...pod.metadata, uid: `new-${name}` } });
    };
    const { code, out } = await scene.run("restart", "shop", "--wait");
    expect(code).toBe(0);
    expect(out.match(/\d\/2 servers/g)).toEqual(["0/2 servers", "1/2 servers", "2/2 servers"]);
  });

  it("with Supervised says how primaries are approved, or approves them", async () => {
    const supervised = { disruption: { updateStrategy: "Supervised" } };
    seedWorld(scene, exampleWorld({ cluster: clusterWith({}, supervised) }));
    const generation = String(cluster().metadata.generation);
    const hint = `annotate kvcluster shop kvcluster.dev/approved-generation=${generation}`;
    expect((await scene.run("restart", "shop")).out).toContain(hint);
    expect((await scene.run("restart", "shop", "--approve")).out).not.toContain("approval");
    expect(cluster().metadata.annotations?.["kvcluster.dev/approved-generation"]).toBe(generation);
  });

  it("of a paused cluster is refused", async () => {
    seedWorld(scene, exampleWorld({ cluster: clusterWith({}, { paused: true }) }));
    expect(await scene.run("restart", "shop")).toMatchObject({ code: 1, error: expect.stringContaining("is paused") });
    expect(scene.api.writes).toEqual([]);
  });
});

describe("backup", () => {
  const made = () => found(scene.api.find<KVBackup>(BACKUP, "apps", "shop-20261128-230000"));

  it("goes where the last one went", async () => {
    seedWorld(scene, exampleWorld());
    expect((await scene.run("backup", "shop")).out).toBe('Created KVBackup "shop-20261128-230000"\n');
    expect(made().spec).toEqual({
      clusterRef: { name: "shop" },
      destination: { persistentVolumeClaim: { claimName: "backups" } },
    });
  });

  it("goes where the schedule says, or where it is told", async () => {
    seedWorld(scene, exampleWorld({ backups: [] }));
    await scene.run("backup", "shop");
    expect(made().spec.destination).toEqual({ persistentVolumeClaim: { size: "1Gi" } });
    await scene.run("backup", "shop", "--name", "other", "--size", "2Gi", "--storage-class", "fast", "--primary");
    expect(scene.api.find<KVBackup>(BACKUP, "apps", "other")?.spec).toMatchObject({
      destination: { persistentVolumeClaim: { size: "2Gi", storageClassName: "fast" } },
      target: "Primary",
    });
  });

  it("is refused where nobody can tell where it goes", async () => {
    seedWorld(scene, exampleWorld({ backups: [], schedules: [] }));
    expect(await scene.run("backup", "shop")).toMatchObject({ code: 2, error: expect.stringContaining("say --size") });
    expect((await scene.run("backup", "shop", "--size", "1Gi", "--claim", "c")).code).toBe(2);
  });

  it.each([
    [
      { phase: "Completed", keys: 1234, size: "5.0 KiB", verified: true },
      0,
      "Completed: 1,234 keys, 5.0 KiB, verified\n",
    ],
    [{ phase: "Failed", message: "No space left" }, 1, "Failed: No space left\n"],
  ] as const)("waits for the end: %o", async (status, code, last) => {
    seedWorld(scene, exampleWorld());
    scene.onWait = () => void scene.api.setStatus(made(), status);
    const outcome = await scene.run("backup", "shop", "--wait");
    expect(outcome.code).toBe(code);
    expect(outcome.out).toBe(`Created KVBackup "shop-20261128-230000"\nPending\n${last}`);
  });
});

describe("failover", () => {
  beforeEach(() => {
    seedWorld(scene, exampleWorld());
    scene.statuses.set("shop-1-0", { role: "primary", cluster: { ownSlots: 5462 } });
    scene.statuses.set("shop-1-1", { role: "replica", replication: { primary: { isUp: true } } });
  });

  it("logs in to the replica, asks it, and waits until it leads", async () => {
    let asked = 0;
    scene.answer = (_pod, [command]) => (command === "ROLE" ? [Buffer.from(++asked < 3 ? "slave" : "master")] : "OK");
    const { code, out } = await scene.run("failover", "shop", "1");
    expect([code, out]).toEqual([0, "shop-1-1 took shard 1 over from shop-1-0 in 0.4 s\n"]);
    const role = ["shop-1-1", "ROLE"];
    expect(scene.told).toEqual([
      ["shop-1-1", "AUTH", "default", "s3cret"],
      ["shop-1-1", "CLUSTER", "FAILOVER"],
      role,
      role,
      role,
    ]);
  });

  it("outside of a cluster tells the primary, by the name under which it knows the replica", async () => {
    scene.api.change(cluster(), { spec: { mode: "Replication" } });
    const replicas = [[Buffer.from("shop-1-1.shop-nodes.apps.svc"), Buffer.from("6379"), Buffer.from("5000")]];
    scene.answer = (pod, [command]) => {
      if (command !== "ROLE") return "OK";
      return pod === "shop-1-0" ? [Buffer.from("master"), 5000, replicas] : [Buffer.from("master")];
    };
    const { code, out } = await scene.run("failover", "shop", "1");
    expect([code, out]).toEqual([0, "shop-1-1 took shard 1 over from shop-1-0 in 0.0 s\n"]);
    expect(scene.told).toContainEqual([
      "shop-1-0",
      "FAILOVER",
      "TO",
      "shop-1-1.shop-nodes.apps.svc",
      "6379",
      "TIMEOUT",
      "30000",
    ]);
  });

  it("says why the server refuses, or that it takes too long", async () => {
    scene.answer = (_pod, [command]) => (command === "CLUSTER" ? new RespError("ERR Master is down") : "OK");
    expect(await scene.run("failover", "shop", "shop-1-1")).toMatchObject({
      code: 1,
      error: "shop-1-1 refused to take over: ERR Master is down\n",
    });
    scene.answer = (_pod, [command]) => (command === "ROLE" ? ["slave"] : "OK");
    expect((await scene.run("failover", "shop", "1", "--timeout", "2s")).code).toBe(3);
  });

  it("is not tried where it cannot succeed", async () => {
    const { code, error } = await scene.run("failover", "shop", "shop-1-0");
    expect(code).toBe(1);
    expect(error).toContain("No failover: shop-1-0 is the primary of shard 1");
    expect(scene.told).toEqual([]);
  });

  it("never shows the password, also when it is refused", async () => {
    scene.answer = () => new RespError("WRONGPASS invalid username-password pair");
    const { code, out, error } = await scene.run("failover", "shop", "1");
    expect(code).toBe(1);
    expect(error).toContain('shop-1-1 refused the password of Secret "shop-connection": WRONGPASS');
    expect(out + error).not.toContain("s3cret");
  });
});

describe("connect", () => {
  beforeEach(() => seedWorld(scene, exampleWorld()));

  it("runs one command at the server that has its key", async () => {
    scene.answer = (pod, [command]) => {
      if (command === "AUTH") return "OK";
      return pod === "shop-2-0" ? Buffer.from("1") : new RespError("MOVED 15495 shop-2-0.shop-nodes.apps.svc:6379");
    };
    expect(await scene.run("connect", "shop", "--", "GET", "a")).toMatchObject({ code: 0, out: "1\n" });
    expect(scene.told.map(([pod, command]) => `${pod} ${command}`)).toEqual([
      "shop-0-0 AUTH",
      "shop-0-0 GET",
      "shop-2-0 AUTH",
      "shop-2-0 GET",
    ]);
  });

  it("asks, and does not stay, where a slot is on its way", async () => {
    scene.answer = (pod, [command]) => {
      if (command === "AUTH" || command === "ASKING") return "OK";
      return pod === "shop-1-0" ? 5 : new RespError("ASK 5 10.0.1.0:6379");
    };
    scene.typed = ["INCR a", "INCR a"];
    expect((await scene.run("connect", "shop")).out).toBe("5\n5\n");
    const commands = scene.told
      .filter(([, command]) => command !== "AUTH")
      .map(([pod, command]) => `${pod} ${command}`);
    const round = ["shop-0-0 INCR", "shop-1-0 ASKING", "shop-1-0 INCR"];
    expect(commands).toEqual([...round, ...round]);
  });

  it("stays at the pod that was named, and shows where it points", async () => {
    scene.answer = (_pod, [command]) => (command === "AUTH" ? "OK" : new RespError("MOVED 1 shop-2-0.x:6379"));
    const outcome = await scene.run("connect", "shop", "--pod", "shop-0-1", "--", "GET", "a");
    expect(outcome).toMatchObject({ code: 1, out: "", error: "MOVED 1 shop-2-0.x:6379\n" });
    expect(scene.told.map(([pod]) => pod)).toEqual(["shop-0-1", "shop-0-1"]);
    expect((await scene.run("connect", "shop", "--pod", "other")).error).toContain('no pod "other"');
  });

  it("reads lines until quit, and goes on after mistakes", async () => {
    scene.answer = (_pod, [command]) => (command === "PING" ? "PONG" : "OK");
    scene.typed = ["", "ping 'x", "MONITOR", "PING", "quit", "PING"];
    const { code, out, error } = await scene.run("connect", "shop");
    expect([code, out]).toEqual([0, "PONG\n"]);
    expect(error).toMatch(/Quotes do not match up\nMONITOR is not for this session/);
  });

  it("waits for no server that is not there", async () => {
    for (const { metadata } of scene.api.list<KubernetesObject>(POD, "apps")) {
      scene.api.setStatus(found(scene.api.find(POD, "apps", metadata.name)), { phase: "Pending" });
    }
    expect((await scene.run("connect", "shop")).error).toContain('No server of "shop" is ready');
  });
});

it("a backup that is deleted while it is waited for ends the wait", async () => {
  seedWorld(scene, exampleWorld({ backups: [exampleBackup()] }));
  scene.onWait = () => scene.api.remove(found(scene.api.find(BACKUP, "apps", "late")));
  const { code, error } = await scene.run("backup", "shop", "--name", "late", "--wait");
  expect([code, error]).toEqual([1, 'KVBackup "late" is gone\n']);
});
