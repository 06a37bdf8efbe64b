import { describe, expect, it } from "vitest";
import { parseClusterNodes } from "./cluster-nodes.ts";

const ID_A = "07c37dfeb235213a872192d90877d0cd55635b91";
const ID_B = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";

function one(line: string) {
  const [entry] = parseClusterNodes(`${line}\n`);
  if (entry === undefined) throw new Error("no entry");
  return entry;
}

describe("parseClusterNodes", () => {
  it("reads address, host name, flags, primary, epoch, link and slots of a line", () => {
    const entry = one(
      `${ID_A} 10.0.0.7:6379@16379,kv-0-1.kv.db.svc myself,slave ${ID_B} 0 1426238317239 4 connected 0-5460 5462`,
    );
    expect(entry).toEqual({
      id: ID_A,
      ip: "10.0.0.7",
      port: 6379,
      busPort: 16379,
      hostname: "kv-0-1.kv.db.svc",
      flags: new Set(["myself", "slave"]),
      primaryId: ID_B,
      configEpoch: 4,
      isLinkConnected: true,
      slots: [
        { start: 0, end: 5460 },
        { start: 5462, end: 5462 },
      ],
      openSlots: [],
    });
  });

  it("reads a node that does not know its own address and one without address", () => {
    expect(one(`${ID_A} :6379@16379 myself,master - 0 0 0 connected`)).toMatchObject({ ip: "", port: 6379 });
    const gone = one(`${ID_A} :0@0 master,fail,noaddr - 1 1 3 disconnected`);
    expect(gone.flags).toEqual(new Set(["master", "fail", "noaddr"]));
    expect(gone.isLinkConnected).toBe(false);
  });

  it("reads IPv6 addresses and skips auxiliary fields where there is no host name", () => {
    expect(one(`${ID_A} fd00::12:6379@16379,,shard-id=ab12 master - 0 0 0 connected`)).toMatchObject({
      ip: "fd00::12",
      port: 6379,
      hostname: undefined,
    });
  });

  it("keeps suspected, failed and handshake apart and ignores unknown flags", () => {
    expect(one(`${ID_A} 1.1.1.1:1@2 master,fail? - 0 0 0 connected`).flags).toEqual(new Set(["master", "fail?"]));
    expect(one(`${ID_A} 1.1.1.1:1@2 handshake - 0 0 0 disconnected`).flags).toEqual(new Set(["handshake"]));
    expect(one(`${ID_A} 1.1.1.1:1@2 noflags,future - 0 0 0 disconnected`).flags).toEqual(new Set());
  });

  it("reads slots that are being moved apart from owned ones", () => {
    const entry = one(`${ID_A} 1.1.1.1:1@2 myself,master - 0 0 1 connected 5-9 [7->-${ID_B}] [93-<-${ID_B}]`);
    expect(entry.slots).toEqual([{ start: 5, end: 9 }]);
    expect(entry.openSlots).toEqual([
      { slot: 7, direction: "migrating", nodeId: ID_B },
      { slot: 93, direction: "importing", nodeId: ID_B },
    ]);
  });

  it.each([
    ["a short line", `${ID_A} 1.1.1.1:1@2 master -`],
    ["a bad address", `${ID_A} nonsense master - 0 0 1 connected`],
    ["a bad epoch", `${ID_A} 1.1.1.1:1@2 master - 0 0 x connected`],
    ["a slot out of range", `${ID_A} 1.1.1.1:1@2 master - 0 0 1 connected 0-16384`],
    ["a backward range", `${ID_A} 1.1.1.1:1@2 master - 0 0 1 connected 9-3`],
    ["a bad open slot", `${ID_A} 1.1.1.1:1@2 master - 0 0 1 connected [1-x-y]`],
  ])("refuses %s", (_what, line) => {
    expect(() => parseClusterNodes(line)).toThrow("Failed to read CLUSTER NODES");
  });
});
