/** The file: written only when it changes, replaced as a whole, used by one process at a time; and a start that must stop. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../platform/fake-clock.ts";
import { createSeededRandom } from "../platform/random.ts";
import { plainTransport } from "./bus.ts";
import { Cluster } from "./cluster.ts";
import { localDisk } from "./local-disk.ts";
import { type NodesConfDisk, NodesConfFile } from "./nodes-conf-file.ts";
import { SIMULATED_SETTINGS } from "./simulated-cluster.ts";

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kv-nodes-"));
  path = join(directory, "nodes.conf");
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function cluster(disk: NodesConfDisk = localDisk): { cluster: Cluster; failures: string[] } {
  const failures: string[] = [];
  const nothing = () => undefined;
  const made = new Cluster(
    {
      ...{ settings: SIMULATED_SETTINGS, configFile: path, busHosts: [], busTransport: plainTransport },
      linkSendBufferLimit: () => 0,
    },
    {
      clock: new FakeClock(),
      random: createSeededRandom(1),
      disk,
      replication: {
        replicateFrom: nothing,
        promote: nothing,
        replicationOffset: () => 0,
        primaryLinkUp: () => false,
        dataAgeMs: () => 0,
        hasWholeCopy: () => true,
      },
      keyspace: {
        keyspaceIsEmpty: () => true,
        countKeysInSlot: () => 0,
        keysInSlot: () => [],
        dropSlotKeys: nothing,
        dropSlotKeysNow: nothing,
      },
      deliver: nothing,
      slotsLost: nothing,
      ownersChanged: nothing,
      pauseWrites: nothing,
      resumeWrites: nothing,
      resolve: async () => undefined,
      log: nothing,
      fatal: (error) => failures.push(error.message),
    },
  );
  return { cluster: made, failures };
}

describe("nodes.conf on disk", () => {
  it("is replaced as a whole and leaves nothing beside it", async () => {
    const file = new NodesConfFile(localDisk, path);
    expect(await file.open()).toBeUndefined();
    file.save("one\n");
    file.save("two\n");
    expect(readFileSync(path, "utf8")).toBe("two\n");
    expect(readdirSync(directory)).toEqual(["nodes.conf"]);
    await file.close();
  });

  it("is not written when nothing changed", async () => {
    let writes = 0;
    const disk = { ...localDisk, replaceFile: () => writes++ };
    writeFileSync(path, "same\n");
    const file = new NodesConfFile(disk, path);
    await file.open();
    file.save("same\n");
    expect(writes).toBe(0);
    file.save("other\n");
    expect(writes).toBe(1);
    await file.close();
  });

  it.runIf(process.platform === "linux")("belongs to one user at a time", async () => {
    const first = new NodesConfFile(localDisk, path);
    await first.open();
    const second = new NodesConfFile(localDisk, path);
    await expect(second.open()).rejects.toThrow(`Cannot use the cluster configuration file "${path}": another process`);
    await first.close();
    await expect(second.open()).resolves.toBeUndefined();
    await second.close();
  });

  it("keeps the identity of a node over a restart", async () => {
    const first = cluster().cluster;
    await first.load();
    await first.stop();
    const second = cluster().cluster;
    await second.load();
    expect(second.myId).toBe(first.myId);
    expect(second.state.myself.shardId).toBe(first.state.myself.shardId);
    await second.stop();
  });

  it("stops the start with a clear message when it is corrupt, and stays as it is", async () => {
    writeFileSync(path, "garbage\n");
    const broken = cluster().cluster;
    await expect(broken.load()).rejects.toThrow(
      `Cannot use the cluster configuration file "${path}": line 1: 1 fields where at least 8 are needed`,
    );
    expect(readFileSync(path, "utf8")).toBe("garbage\n");
  });

  it("ends the process when it cannot be written", async () => {
    const disk = {
      ...localDisk,
      replaceFile: () => {
        throw new Error("no space left on device");
      },
    };
    const { cluster: failing, failures } = cluster(disk);
    await failing.load();
    await failing.stop();
    expect(failures).toEqual([`Cannot write "${path}": no space left on device`]);
  });
});
