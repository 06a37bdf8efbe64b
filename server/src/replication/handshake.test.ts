import { RespError } from "@kvcluster/protocol/resp-decoder";
import { expect, test } from "vitest";
import { Handshake } from "./handshake.ts";

const ID = "a".repeat(40);
const base = {
  user: "",
  password: "",
  listeningPort: 7000,
  announcedAddress: "",
  resumeFrom: undefined,
  isOfGroup: false,
  isFailover: false,
};

function commandsOf(handshake: Handshake, count: number): string[] {
  const commands: string[] = [];
  for (let i = 0; i < count; i++) {
    commands.push(handshake.next().join(" "));
    if (i < count - 1) expect(handshake.reply("OK")).toEqual({ kind: "more" });
  }
  return commands;
}

test("a handshake introduces the replica and asks for everything", () => {
  expect(commandsOf(new Handshake(base), 4)).toEqual([
    "PING",
    "REPLCONF listening-port 7000",
    "REPLCONF capa eof capa psync2",
    "PSYNC ? -1",
  ]);
});

test("a handshake authenticates, announces its address, and asks to go on where it was", () => {
  const handshake = new Handshake({
    ...base,
    user: "replicator",
    password: "secret",
    announcedAddress: "pod-0",
    resumeFrom: { id: ID, next: 101 },
  });
  expect(commandsOf(handshake, 6)).toEqual([
    "PING",
    "AUTH replicator secret",
    "REPLCONF listening-port 7000",
    "REPLCONF ip-address pod-0",
    "REPLCONF capa eof capa psync2",
    `PSYNC ${ID} 101`,
  ]);
});

test("a server of a group says that it is one", () => {
  expect(commandsOf(new Handshake({ ...base, isOfGroup: true }), 4)[2]).toBe(
    "REPLCONF capa eof capa psync2 capa group",
  );
});

test("a primary that hands over says so", () => {
  const handshake = new Handshake({ ...base, resumeFrom: { id: ID, next: 101 }, isFailover: true });
  expect(commandsOf(handshake, 4).at(-1)).toBe(`PSYNC ${ID} 101 FAILOVER`);
});

test("the answers to PSYNC are told apart", () => {
  const at = (): Handshake => {
    const handshake = new Handshake(base);
    commandsOf(handshake, 4);
    return handshake;
  };
  expect(at().reply(`FULLRESYNC ${ID} 42`)).toEqual({ kind: "full", id: ID, offset: 42 });
  expect(at().reply(`CONTINUE ${ID}`)).toEqual({ kind: "continue", id: ID });
  expect(at().reply("CONTINUE")).toEqual({ kind: "continue", id: undefined });
  expect(at().reply(new RespError("NOMASTERLINK Can't SYNC"))).toMatchObject({ kind: "failed" });
});

test("a wrong password fails, a primary that wants one first does not", () => {
  const handshake = new Handshake({ ...base, password: "wrong" });
  expect(handshake.reply(new RespError("NOAUTH Authentication required."))).toEqual({ kind: "more" });
  expect(handshake.reply(new RespError("WRONGPASS invalid"))).toEqual({
    kind: "failed",
    reason: 'Unable to AUTH to MASTER: it was answered with "WRONGPASS invalid"',
  });
});

test("options an old primary does not know are no reason to give up", () => {
  const handshake = new Handshake(base);
  handshake.reply("PONG");
  expect(handshake.reply(new RespError("ERR Unrecognized REPLCONF option"))).toEqual({ kind: "more" });
});
