import { describe, expect, test } from "vitest";
import { hasReferenceServer, ReferenceClient, startReferenceServer } from "../testing/reference-server.ts";
import { QUIET_FACTS } from "./fake-facts.ts";
import { renderInfo } from "./info.ts";

/** What is our own, and what came after 7.0. */
const OURS = new Set([
  ...["expired_subkeys", "server_name", "server_version", "node_version", "used_memory_heap"],
  ...["disk_size_bytes", "disk_available_bytes", "disk_snapshot_bytes"],
  ...["pubsub_clients", "watching_clients", "total_watched_keys"],
  ...["total_blocking_keys", "total_blocking_keys_on_nokey"],
  ...["acl_access_denied_auth", "acl_access_denied_cmd", "acl_access_denied_key", "acl_access_denied_channel"],
]);
/** Lines of Redis that name its compiler. */
const THEIRS = new Set(["atomicvar_api", "gcc_version"]);

function linesOf(info: string): string[] {
  return info.split("\r\n").map((line) => (line.startsWith("#") ? line : line.slice(0, line.indexOf(":"))));
}

function titles(info: string): string[] {
  return info.split("\r\n").filter((line) => line.startsWith("#"));
}

describe("INFO", () => {
  test.runIf(hasReferenceServer)("has the sections and lines of redis-server in its order", async () => {
    const server = await startReferenceServer();
    const client = await ReferenceClient.connect(server.port);
    const [, reply] = await client.send([
      ["SET", "key", "value"],
      ["INFO", "everything"],
    ]);
    client.close();
    await server.stop();
    const isCommon = (line: string) => !/^(cmdstat|latency_percentiles|errorstat|db\d)/.test(line);
    const theirs = linesOf(String(reply)).filter((line) => !THEIRS.has(line) && isCommon(line));
    const ours = linesOf(renderInfo(QUIET_FACTS, ["everything"])).filter((line) => !OURS.has(line) && isCommon(line));
    expect(ours).toEqual(theirs);
  });

  test("default leaves out the long statistics, all leaves out modules, names choose", () => {
    expect(titles(renderInfo(QUIET_FACTS, []))).not.toContain("# Commandstats");
    expect(titles(renderInfo(QUIET_FACTS, ["all"]))).toContain("# Commandstats");
    expect(titles(renderInfo(QUIET_FACTS, ["all"]))).not.toContain("# Modules");
    expect(titles(renderInfo(QUIET_FACTS, ["CPU", "keyspace"]))).toEqual(["# CPU", "# Keyspace"]);
    expect(renderInfo(QUIET_FACTS, ["nonsense"])).toBe("");
  });

  test("writes keyspace, commands and errors in Redis' form", () => {
    expect(renderInfo(QUIET_FACTS, ["keyspace"])).toBe(
      "# Keyspace\r\ndb0:keys=10,expires=2,avg_ttl=1000,subexpiry=1\r\n",
    );
    expect(renderInfo(QUIET_FACTS, ["commandstats"])).toBe(
      "# Commandstats\r\ncmdstat_get:calls=4,usec=10,usec_per_call=2.50,rejected_calls=1,failed_calls=0\r\n",
    );
    expect(renderInfo(QUIET_FACTS, ["errorstats"])).toBe("# Errorstats\r\nerrorstat_ERR:count=2\r\n");
  });

  test("a replica tells of its primary before its own replicas", () => {
    const replication = {
      ...QUIET_FACTS.replication(),
      primaryLink: {
        host: "kv-0",
        port: 6379,
        isUp: false,
        lastMessageSecondsAgo: -1,
        transfer: { totalBytes: 4000, readBytes: 1000, lastSecondsAgo: 3 },
        readOffset: 5,
        downSeconds: 9,
        neverWasUp: false,
        priority: 100,
        isReadOnly: true,
        isAnnounced: true,
      },
      replicas: [{ address: "10.0.0.2", port: 6379, state: "online" as const, offset: 4, lagSeconds: 1 }],
    };
    const info = renderInfo({ ...QUIET_FACTS, replication: () => replication }, ["replication"]);
    expect(info).toContain("role:slave\r\nmaster_host:kv-0\r\nmaster_port:6379\r\nmaster_link_status:down\r\n");
    expect(info).toContain(
      "slave_repl_offset:0\r\nmaster_sync_total_bytes:4000\r\nmaster_sync_read_bytes:1000\r\nmaster_sync_left_bytes:3000\r\n" +
        "master_sync_perc:25.00\r\nmaster_sync_last_io_seconds_ago:3\r\n" +
        "master_link_down_since_seconds:9\r\nslave_priority:100\r\n",
    );
    expect(info).toContain("slave0:ip=10.0.0.2,port=6379,state=online,offset=4,lag=1\r\n");
  });
});
