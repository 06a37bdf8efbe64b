/** Users in files: `aclfile` with ACL LOAD and SAVE, `user` lines and CONFIG REWRITE; and what the logs keep of users. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startOwnServer } from "../testing/own-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const MISTAKES = [
  "user default on nopass ~* &* +@all",
  ...["user bob on >x foo", "", "bad line", "user a\x01 on", "user bob off", 'user "a b" on', "user bob on ( +get"],
  ...["# comment", "user", "  user joe on   nopass  "],
];

describe("users in files", () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "kv-acl-"));
    file = path.join(directory, "users.acl");
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const ask = async (port: number, ...commands: string[]): Promise<string[]> => {
    const client = await RawClient.connect(port);
    const replies: string[] = [];
    for (const command of commands) replies.push(await client.text(...command.split(" ")));
    client.close();
    return replies;
  };

  test.runIf(hasReferenceServer)(
    "LOAD names all mistakes of a file as redis-server does, and changes nothing",
    async () => {
      writeFileSync(file, "user bob on >x ~* +@all\n");
      const pair: ServerPair = await startServerPair("--aclfile", file);
      const both = (...commands: string[]): Promise<string[][]> =>
        Promise.all([pair.ports.ours, pair.ports.reference].map((port) => ask(port, ...commands)));
      const texts = [
        MISTAKES.join("\n"),
        "user joe on nopass\nuser joe off\n",
        "user joe +get\nuser joe2 (+get\n",
        " user joe on   nopass  \r\nuser bo on ~a  ~b +@all -get (+get ~x) (+set ~y)\n",
        "user default off\nuser bob on nopass +@all\n",
      ];
      for (const text of texts) {
        writeFileSync(file, text);
        const [ours, theirs] = await both("ACL LOAD", "ACL USERS", "ACL WHOAMI");
        expect(ours, text).toEqual(theirs);
      }
      await pair.stop();
    },
  );

  test("SAVE writes the lines of ACL LIST, which LOAD takes again", async () => {
    writeFileSync(file, "");
    const server = await startOwnServer("--aclfile", file);
    const rules = `on >p <p #${"a".repeat(64)} ~a %R~b &c +@all -@dangerous +info (+get ~x)`;
    const [made, before, saved] = await ask(server.port, `ACL SETUSER bob ${rules}`, "ACL GETUSER bob", "ACL SAVE");
    expect([made, saved]).toEqual(["+OK\r\n", "+OK\r\n"]);
    expect(readFileSync(file, "latin1")).toBe(
      `user bob on #${"a".repeat(64)} ~a %R~b resetchannels &c +@all -@dangerous +info (~x resetchannels -@all +get)\n` +
        "user default on nopass ~* &* +@all\n",
    );
    const after = await ask(server.port, "ACL DELUSER bob", "ACL LOAD", "ACL GETUSER bob");
    expect(after).toEqual([":1\r\n", "+OK\r\n", before]);
    await server.stop();
  });

  test("LOAD closes the clients of users that are gone and keeps those of users that stay", async () => {
    writeFileSync(file, "user stays on nopass +@all\nuser goes on nopass +@all\n");
    const server = await startOwnServer("--aclfile", file);
    const [stays, goes] = await Promise.all([RawClient.connect(server.port), RawClient.connect(server.port)]);
    await stays.command("AUTH", "stays", "x");
    await goes.command("AUTH", "goes", "x");
    writeFileSync(file, "user stays on nopass -@all +acl|whoami\n");
    expect(await ask(server.port, "ACL LOAD")).toEqual(["+OK\r\n"]);
    expect(await stays.text("ACL", "WHOAMI")).toBe("$5\r\nstays\r\n");
    expect(await stays.text("PING")).toMatch(/^-NOPERM/);
    expect(await goes.untilClosed()).toHaveLength(0);
    goes.close();
    stays.close();
    await server.stop();
  });

  test("user lines of the configuration are there from the start; what makes no sense stops the start", async () => {
    const start = async (...words: string[]): Promise<string> => {
      try {
        const server = await startOwnServer(...words);
        const [list] = await ask(server.port, "ACL LIST");
        await server.stop();
        return list as string;
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(
      await start(
        "--user",
        "bob",
        "on",
        "nopass",
        "(+get",
        "~x)",
        "--requirepass",
        "p",
        "--user",
        "default",
        "on",
        "nopass",
        "+@all",
      ),
    ).toBe(
      "*2\r\n$68\r\nuser bob on nopass resetchannels -@all (~x resetchannels -@all +get)\r\n" +
        "$42\r\nuser default on nopass resetchannels +@all\r\n",
    );
    expect(await start("--user", "bob", "on", "--user", "bob", "off")).toBe(
      "Error in user declaration 'bob': Duplicate user found. A user can only be defined once in config files",
    );
    expect(await start("--user", "bob", "+nosuch")).toBe(
      "Error in user declaration 'bob': Unknown command or category name in ACL",
    );
    expect(await start("--user", "bob", "on", "--aclfile", file)).toMatch(/^Configuring Redis with users defined in/);
    expect(await start("--aclfile", file)).toMatch(/opening file '.*users.acl': No such file or directory/);
  });

  test("acl-pubsub-default decides about the channels of new users, CONFIG SET requirepass about the default user", async () => {
    const server = await startOwnServer("--acl-pubsub-default", "allchannels", "--requirepass", "p");
    const replies = await ask(
      server.port,
      ...["PING", "AUTH p", "ACL SETUSER a reset", "CONFIG SET acl-pubsub-default resetchannels", "ACL SETUSER b"],
      ...["ACL LIST", "CONFIG SET requirepass q", "AUTH p", "AUTH q"],
    );
    expect(replies).toEqual([
      ...["-NOAUTH Authentication required.\r\n", "+OK\r\n", "+OK\r\n", "+OK\r\n", "+OK\r\n"],
      expect.stringMatching(/user a off sanitize-payload &\* -@all\r.*user b off resetchannels -@all\r/s),
      ...["+OK\r\n", expect.stringMatching(/^-WRONGPASS/), "+OK\r\n"],
    ]);
    await server.stop();
  });

  test("CONFIG REWRITE keeps the users in the configuration file", async () => {
    const config = path.join(directory, "redis.conf");
    writeFileSync(config, "# mine\nuser bob on nopass +get\n");
    const first = await startOwnServer(config);
    const [made, rewritten, before] = await ask(
      first.port,
      ...["ACL SETUSER ann on >p ~a (+get %R~x)", "CONFIG REWRITE", "ACL LIST"],
    );
    await first.stop();
    expect([made, rewritten]).toEqual(["+OK\r\n", "+OK\r\n"]);
    expect(readFileSync(config, "utf8")).toMatch(
      /^# mine\nuser ann on #[0-9a-f]+ ~a [^\n]*\n[\s\S]*\nuser bob on nopass resetchannels -@all \+get\n/,
    );
    const users = readFileSync(config, "utf8").match(/^user .*$/gm) ?? [];
    writeFileSync(config, users.join("\n"));
    const second = await startOwnServer(config);
    expect(await ask(second.port, "ACL LIST")).toEqual([before]);
    await second.stop();
  });

  test("users may be called anything, in the configuration file and behind CONFIG REWRITE", async () => {
    const config = path.join(directory, "names.conf");
    const bytes = Buffer.from([0x62, 0xff, 0xfe, 0x80]);
    const line = (name: Buffer | string): Buffer =>
      Buffer.concat([Buffer.from("user "), Buffer.from(name), Buffer.from(" on nopass +@all ~")]);
    writeFileSync(config, Buffer.concat([line(bytes), bytes, Buffer.from("*\n"), line("jürgen"), Buffer.from("ü*\n")]));
    const first = await startOwnServer(config);
    const names = async (port: number): Promise<string[]> => {
      const client = await RawClient.connect(port);
      const replies = [
        await client.text("AUTH", bytes, "x"),
        await client.text("ACL", "WHOAMI"),
        await client.text("SET", Buffer.concat([bytes, bytes]), "v"),
      ];
      replies.push(
        await client.text("AUTH", "jürgen", "x"),
        await client.text("ACL", "WHOAMI"),
        await client.text("SET", "übung", "v"),
      );
      replies.push(await client.text("CONFIG", "REWRITE"));
      client.close();
      return replies;
    };
    const before = await names(first.port);
    await first.stop();
    expect(before).toEqual([
      ...["+OK\r\n", `$4\r\n${bytes.toString("latin1")}\r\n`, "+OK\r\n"],
      ...["+OK\r\n", `$7\r\n${Buffer.from("jürgen").toString("latin1")}\r\n`, "+OK\r\n", "+OK\r\n"],
    ]);
    const written = readFileSync(config, "latin1").match(/^user .*$/gm) ?? [];
    writeFileSync(config, Buffer.from(written.join("\n"), "latin1"));
    const second = await startOwnServer(config);
    expect(await names(second.port)).toEqual(before);
    await second.stop();
  });

  test("names and rules of users do not show in the slow log", async () => {
    const server = await startOwnServer("--slowlog-log-slower-than", "0");
    const replies = await ask(
      server.port,
      ...["ACL SETUSER bob on >secret", "ACL GETUSER bob", "ACL DELUSER bob", "SLOWLOG GET"],
    );
    expect(replies.at(-1)).not.toMatch(/secret|bob/);
    expect(replies.at(-1)?.match(/\(redacted\)/g)).toHaveLength(5);
    await server.stop();
  });

  test("a key of many megabytes that is refused does not stay in the log", async () => {
    const key = "k".repeat(5_000_000);
    const server = await startOwnServer();
    const client = await RawClient.connect(server.port);
    await client.command("ACL", "SETUSER", "u1", "on", "nopass", "+get", "+auth");
    const other = await RawClient.connect(server.port);
    await other.command("AUTH", "u1", "x");
    expect(await other.text("GET", key)).toMatch(/^-NOPERM/);
    expect(await other.text("AUTH", key, "x")).toMatch(/^-WRONGPASS/);
    expect((await client.command("ACL", "LOG")).length).toBeLessThan(12_000);
    client.close();
    other.close();
    await server.stop();
  });
});
