/** nodes.conf there and back, files of Redis, and files that must be refused. */

import { describe, expect, it } from "vitest";
import { formatNodes, formatNodesConf, loadNodesConf } from "./nodes-conf.ts";
import { SimulatedCluster } from "./simulated-cluster.ts";
import { beginLife } from "./start-guard.ts";
import type { ClusterState } from "./state.ts";

const INSIDE = { isEncrypted: false, isOutside: false };
const A = "a".repeat(40);
const B = "b".repeat(40);
const C = "c".repeat(40);

/** Three nodes as redis-server 7.0 writes them; an open slot and a hostname among them. */
const REDIS_FILE = [
  `${B} 127.0.0.1:7001@17001,kv-1.example slave ${A} 0 1700000000000 5 connected`,
  `${A} 127.0.0.1:7000@17000 myself,master - 0 1700000000000 5 connected 0-5460 7 [93->-${C}] [8000-<-${C}]`.replace(
    " 7 ",
    " 6000 ",
  ),
  `${C} fd00::3:7002@17002 master,fail - 1700000000000 1700000000000 9 disconnected 5461 16383`,
  "vars currentEpoch 11 lastVoteEpoch 10",
  "",
].join("\n");

function fresh(): ClusterState {
  return new SimulatedCluster(1).addNode().state;
}

function load(text: string): ClusterState {
  const state = fresh();
  loadNodesConf(state, text);
  return state;
}

describe("nodes.conf", () => {
  it("loads a file of Redis", () => {
    const state = load(REDIS_FILE);
    expect(state.myself.id).toBe(A);
    expect(state.myself.slotCount).toBe(5462);
    expect([state.currentEpoch, state.lastVoteEpoch]).toEqual([11, 10]);
    expect(state.nodes.get(B)?.primary).toBe(state.myself);
    expect(state.nodes.get(B)).toMatchObject({ hostname: "kv-1.example", needsResolve: true, configEpoch: 0 });
    expect(state.nodes.get(C)).toMatchObject({ ip: "fd00::3", port: 7002, busPort: 17002, configEpoch: 9 });
    expect(state.migrating.get(93)?.id).toBe(C);
    expect(state.importing.get(8000)?.id).toBe(C);
    expect(state.table.ownerOf(16383)?.id).toBe(C);
  });

  it.each([
    ["lines as DOS ends them", REDIS_FILE.replaceAll("\n", "\r\n")],
    ["a last line without an end", REDIS_FILE.slice(0, -1)],
    ["NULs behind the end", `${REDIS_FILE}${"\0".repeat(100)}`],
  ])("loads %s, as Redis does", (_, text) => {
    expect(formatNodesConf(load(text))).toBe(formatNodesConf(load(REDIS_FILE)));
  });

  it("writes what it loads", () => {
    const state = load(REDIS_FILE);
    const text = formatNodesConf(state);
    expect(formatNodesConf(load(text))).toBe(text);
    expect(text).toContain(`${B} 127.0.0.1:7001@17001,kv-1.example slave ${A} 0 0 5 connected\n`);
    expect(text).toContain(` 0-5460 6000 [93->-${C}] [8000-<-${C}]\n`);
    expect(text).toMatch(/\nvars currentEpoch 11 lastVoteEpoch 10 shardId [0-9a-f]{40}\n$/);
  });

  it("remembers slots whose keys here are to be deleted, and deletes them at the next start", () => {
    const state = load(REDIS_FILE);
    for (const slot of [9000, 9001, 16383, 12]) state.surplus.add(slot);
    // By the next start the primary may have got these back.
    state.leftovers.add(13);
    const again = load(formatNodesConf(state));
    expect(again.surplus).toEqual(new Set([12, 9000, 9001, 16383]));
    beginLife(again);
    expect(again.surplus).toEqual(new Set([9000, 9001, 16383]));
    expect(again.outbox).toContainEqual({ kind: "dropSlotKeys", slots: [9000, 9001, 16383] });
  });

  it("shows links and ping times only in CLUSTER NODES", () => {
    expect(formatNodes(load(REDIS_FILE), INSIDE)).toContain(" 9 disconnected 5461 16383\n");
    expect(formatNodesConf(load(REDIS_FILE))).toContain(" 9 connected 5461 16383\n");
  });

  it("reads the fields that Redis 7.2 puts behind the hostname", () => {
    const state = load(REDIS_FILE.replace("@17000 ", `@17000,,tls-port=0,shard-id=${C} `));
    expect(state.myself).toMatchObject({ hostname: "", shardId: C });
  });

  it("keeps where clients outside reach a node, and shows it to them only", () => {
    const external = "external=203.0.113.7:30001";
    const state = load(REDIS_FILE.replace("@17001,kv-1.example ", `@17001,kv-1.example,${external} `));
    expect(state.nodes.get(B)).toMatchObject({ externalHost: "203.0.113.7", externalPort: 30001 });
    const text = formatNodesConf(state);
    expect(text).toContain(`:7001@17001,kv-1.example,${external} slave `);
    expect(formatNodesConf(load(text))).toBe(text);
    expect(formatNodes(state, INSIDE)).toContain(":7001@17001,kv-1.example slave ");
    expect(formatNodes(state, { ...INSIDE, isOutside: true })).toContain(" 203.0.113.7:30001@17001 slave ");
  });

  it("keeps what people call a node, where Redis 7.2 does, and shows it nowhere else", () => {
    const state = load(
      REDIS_FILE.replace("@17001,kv-1.example ", `@17001,kv-1.example,nodename=seven-77,shard-id=${C} `),
    );
    expect(state.nodes.get(B)).toMatchObject({ hostname: "kv-1.example", nodeName: "seven-77" });
    const text = formatNodesConf(state);
    expect(text).toContain(":7001@17001,kv-1.example,nodename=seven-77 slave ");
    expect(formatNodesConf(load(text))).toBe(text);
    expect(formatNodes(state, INSIDE)).toContain(":7001@17001,kv-1.example slave ");
  });

  it.each([
    ["an empty file", "", 'no node is marked "myself"'],
    ["a variable without a value", REDIS_FILE.slice(0, -4), 'line 4: "lastVoteEpoch" has no value'],
    ["an unbalanced quote", REDIS_FILE.replace(" 6000 ", ' "6000 '), "line 2: unbalanced quotes"],
    ["a NUL inside of a line", REDIS_FILE.replace(" 6000 ", " 60\0 "), "line 2: it has a NUL inside"],
    ["no line for itself", REDIS_FILE.replace("myself,", ""), 'no node is marked "myself"'],
    ["two lines for itself", REDIS_FILE.replace("master,fail", "myself,master"), "line 3: a second node is marked"],
    ["a bad id", REDIS_FILE.replace(`${C} fd00`, "xyz fd00"), 'line 3: "xyz" is not a node id'],
    ["a bad flag", REDIS_FILE.replace("master,fail", "mistress"), 'line 3: "mistress" is not a flag'],
    ["a slot out of range", REDIS_FILE.replace("16383", "16384"), 'line 3: "16384" is not a slot'],
    ["a slot with two owners", REDIS_FILE.replace(" 5461 ", " 5460 "), "line 3: slot 5460 has two owners"],
    ["a bad address", REDIS_FILE.replace("fd00::3:7002", "fd00"), "is not an address"],
    ["a short line", `${A} 127.0.0.1:1@2 myself\n`, "line 1: 3 fields where at least 8 are needed"],
  ])("refuses %s", (_, text, message) => {
    expect(() => load(text)).toThrow(message);
  });
});
