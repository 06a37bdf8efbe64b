import { describe, expect, it } from "vitest";
import { clusterWith, condition, exampleBackup, examplePod, exampleWorld, NOW_MS } from "./example-world.ts";
import { renderCluster } from "./render-cluster.ts";
import { clusterLines, renderList } from "./render-list.ts";
import { clusterReport } from "./report.ts";

const show = (changes: Parameters<typeof exampleWorld>[0] = {}): string =>
  renderCluster(clusterReport(exampleWorld(changes)), NOW_MS);

describe("the screen of a cluster", () => {
  it("speaks of a primary and its replicas, or of one server, where there are no slots", () => {
    const cluster = clusterWith({}, { mode: "Replication", shards: 1, replicasPerShard: 2 });
    expect(show({ cluster }).split("\n").slice(0, 5)).toEqual([
      "apps/shop, Ready, a primary with 2 replicas, 6/6 servers ready, 3d old",
      "  message:     3 shards with 1 replicas each serve all slots",
      "  primary:     shop-write.apps.svc:6379",
      "  replicas:    shop-read.apps.svc:6379",
      "  credentials: Secret shop-connection",
    ]);
    const alone = clusterWith({}, { mode: "Standalone", shards: 1, replicasPerShard: 0 });
    expect(show({ cluster: alone })).toContain("one server");
    expect(show({ cluster: alone })).toContain("  server:      shop.apps.svc:6379");
  });

  it("shows a settled one whole", () => {
    expect(show()).toMatchInlineSnapshot(`
      "apps/shop, Ready, 3 shards with 1 replica each, 6/6 servers ready, 16,384 slots served, 3d old
        message:     3 shards with 1 replicas each serve all slots
        any server:  shop.apps.svc:6379
        primaries:   shop-write.apps.svc:6379
        replicas:    shop-read.apps.svc:6379
        credentials: Secret shop-connection

      SHARD   ROLE      POD        NODE     READY   LINK   OFFSET   LAG     KEYS     MEMORY                SLOTS
      0       primary   shop-0-0   node-1   yes     -      5,000    -       12,345   3.0 MiB of 96.0 MiB   0-5460 (5,461)
      0       replica   shop-0-1   node-2   yes     up     4,488    512 B   12,345   3.0 MiB of 96.0 MiB
      1       primary   shop-1-0   node-1   yes     -      5,000    -       12,345   3.0 MiB of 96.0 MiB   5461-10922 (5,462)
      1       replica   shop-1-1   node-2   yes     up     4,488    512 B   12,345   3.0 MiB of 96.0 MiB
      2       primary   shop-2-0   node-1   yes     -      5,000    -       12,345   3.0 MiB of 96.0 MiB   10923-16383 (5,461)
      2       replica   shop-2-1   node-2   yes     up     4,488    512 B   12,345   3.0 MiB of 96.0 MiB

      CONDITIONS
        TYPE       STATUS   REASON     SINCE   MESSAGE
        Ready      True     Serving    10m     3 shards with 1 replicas each serve all slots
        Balanced   True     Balanced   10m     The slots are spread evenly over 3 shards
        UpToDate   True     Current    10m     All servers run with the current spec

      BACKUPS
        NAME         PHASE       KEYS     SIZE      AGE   MESSAGE
        shop-today   Completed   37,035   1.2 MiB   2h

      SCHEDULES
        NAME      SCHEDULE           NEXT    LAST SUCCESS   LAST BACKUP
        nightly   30 2 * * * (UTC)   in 3h   20h ago        nightly-2026-11-28-0230
      "
    `);
  });

  it("shows a bar for slots that move, and says which shards leave", () => {
    const slots = ["0-5460", "5461-10922", "10923-14335", "14336-16383"];
    const cluster = clusterWith({
      phase: "Updating",
      conditions: [condition("Balanced", "False", "MovingSlots", "2048 slots have yet to move: 1 shards leave")],
      shardStatus: slots.map((ranges, index) => ({ index, slots: ranges })),
    });
    const text = show({ cluster, pods: [...exampleWorld().pods, examplePod(3, 0)] });
    expect(text).toContain(
      "Slots move    [#####################---]  87 %  14,336/16,384 slots in place  2048 slots have yet to move: 1 shards leave",
    );
    expect(text).toMatch(/^3 +primary +shop-3-0 .*14336-16383 \(2,048, leaves\)$/m);
  });

  it("shows how far a restore and restarts are", () => {
    const cluster = clusterWith({
      phase: "Restoring",
      conditions: [
        condition(
          "UpToDate",
          "False",
          "RestartPending",
          "2 of 6 servers have yet to be restarted with the current spec",
        ),
        condition("Restored", "False", "RestoreRunning", 'Restoring KVBackup "old": 25 % of 4000 keys'),
      ],
    });
    const text = show({ cluster });
    expect(text).toContain(
      'Restore       [######------------------]  25 %  Restoring KVBackup "old": 25 % of 4000 keys',
    );
    expect(text).toContain("Restart       [################--------]  66 %  4/6 servers  2 of 6 servers");
  });

  it("shows what it knows where servers do not answer, and says why", () => {
    const reason = "you may not get pods/proxy";
    const pods = exampleWorld().pods.slice(0, 2);
    const servers = new Map(pods.map(({ metadata }) => [metadata.name, { kind: "silent", reason } as const]));
    const text = show({ pods, servers, refusals: ["kvbackups"] });
    expect(text).toMatch(/^0 +replica +shop-0-1 +node-2 +yes +- +- +- +- +-$/m);
    expect(text).toContain("No word from shop-0-0, shop-0-1: you may not get pods/proxy");
    expect(text).toContain("You may not list kvbackups here");
  });

  it("shows the latest backups only, and that of a running one", () => {
    const many = Array.from({ length: 7 }, (_, day) => exampleBackup(`shop-${day}`));
    const text = show({ backups: [...many, exampleBackup("now", { phase: "Running", message: "Job runs" })] });
    expect(text).toContain("and 3 older ones");
    expect(text).toContain("Backup        now: Running, Job runs");
  });

  it("does without any server or status", () => {
    const { status: _none, ...cluster } = clusterWith();
    const text = show({ cluster, pods: [], servers: new Map(), backups: [], schedules: [] });
    expect(text).toContain("apps/shop, Unknown");
    expect(text).toContain("There are no servers yet");
    expect(text).toContain("The operator has not looked at generation 1 yet, only at 0: does it run?");
  });
});

describe("the list of clusters", () => {
  it("has a line each, with the message of those that are not ready", () => {
    const degraded = clusterWith({ phase: "Degraded", message: "Shard 1 has no primary", ready: "4/6" });
    const other = { ...degraded, metadata: { ...degraded.metadata, name: "other" } };
    expect(renderList(clusterLines([clusterWith(), other], [exampleBackup()]), NOW_MS)).toMatchInlineSnapshot(`
      "NAMESPACE   NAME    MODE      SHARDS   REPLICAS   READY   SLOTS    PHASE      BACKUP   AGE   MESSAGE
      apps        shop    Cluster   3        1          6/6     16,384   Ready      2h ago   3d
      apps        other   Cluster   3        1          4/6     16,384   Degraded   none     3d    Shard 1 has no primary
      "
    `);
  });
});
