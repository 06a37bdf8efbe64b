import { describe, expect, it } from "vitest";
import { exampleCluster } from "./example-cluster.ts";
import { authConfig, serverConfig } from "./server-config.ts";

function lines(spec: Readonly<Record<string, unknown>> = {}): readonly string[] {
  return serverConfig(exampleCluster(spec)).trimEnd().split("\n");
}

describe("serverConfig", () => {
  it("enables cluster mode with host names, fixed shards and short failure detection", () => {
    expect(lines()).toEqual([
      "# Written by the kvcluster operator",
      "admin-port 9121",
      "bind * -::*",
      "cluster-allow-replica-migration no",
      "cluster-config-file nodes.conf",
      "cluster-enabled yes",
      "cluster-node-timeout 5000",
      "cluster-port 16379",
      "cluster-preferred-endpoint-type hostname",
      "cluster-replica-validity-factor 0",
      "cluster-require-full-coverage yes",
      "dir /data",
      "maxmemory-policy noeviction",
      "port 6379",
      "protected-mode no",
      "repl-diskless-sync-delay 0",
      "save 3600 1 300 100 60 10000",
      "include /etc/kvcluster-auth/auth.conf",
    ]);
  });

  it("lets users override what is only preferred and add directives", () => {
    const text = lines({ config: { save: "", appendonly: "yes", "cluster-node-timeout": "15000" } });
    expect(text).toContain('save ""');
    expect(text).toContain("appendonly yes");
    expect(text).toContain("cluster-node-timeout 15000");
  });

  it("never lets users override what the operator decides", () => {
    expect(lines({ config: { port: "1", dir: "/tmp" } })).toEqual(lines());
  });

  it("takes maxmemory from the spec, else as a share of the memory limit, else leaves it out", () => {
    const limits = { resources: { limits: { memory: "1Gi" } } };
    expect(lines({ memory: { maxMemory: "512Mi" } })).toContain("maxmemory 536870912");
    expect(lines(limits)).toContain("maxmemory 805306368");
    expect(lines({ ...limits, memory: { maxMemoryPercent: 50 } })).toContain("maxmemory 536870912");
    expect(lines().some((line) => line.startsWith("maxmemory "))).toBe(false);
  });
});

describe("authConfig", () => {
  it("gives clients and replicas the same password and quotes every special byte", () => {
    expect(authConfig("plain-1")).toBe('requirepass "plain-1"\nmasterauth "plain-1"\n');
    expect(authConfig('a"b\\c d\né')).toContain('requirepass "a\\x22b\\x5cc\\x20d\\x0a\\xc3\\xa9"\n');
  });
});
