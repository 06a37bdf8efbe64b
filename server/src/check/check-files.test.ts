import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { beforeEach, describe, expect, test } from "vitest";
import { DirectFileTarget } from "../persistence/direct-file-target.ts";
import { LiveKeyspace } from "../persistence/live-keyspace.ts";
import { RdbOutput } from "../persistence/rdb-output.ts";
import { Snapshot } from "../persistence/snapshot.ts";
import { rdbForm } from "../persistence/snapshot-form.ts";
import { FakeClock } from "../platform/fake-clock.ts";
import { MemoryDisk } from "../platform/memory-disk.ts";
import { checkPath } from "./check-files.ts";

const WHOLE = Buffer.concat([encodeCommand(["SELECT", "0"]), encodeCommand(["SET", "a", "1"])]);

describe("kv-check", () => {
  let disk: MemoryDisk;
  let lines: string[];
  beforeEach(() => {
    disk = new MemoryDisk();
    lines = [];
  });

  const put = (file: string, bytes: Buffer | string): void => {
    const content = Buffer.from(bytes as string);
    disk.create(file).append(content, 0, content.length);
  };
  const get = (file: string): Buffer => {
    const opened = disk.openToRead(file);
    const bytes = Buffer.alloc(opened.sizeBytes);
    opened.read(bytes, 0, bytes.length, 0);
    return bytes;
  };
  const check = (name: string, isFixing = false): Promise<boolean> =>
    checkPath(
      { disk, clock: new FakeClock(), isFixing, say: (line) => lines.push(line), progress: () => undefined },
      name,
    );

  function putSnapshot(directory: string, name: string): void {
    const { keyspace, collections } = new LiveKeyspace();
    const bytes = Buffer.from("onetwo");
    for (const start of [0, 3]) keyspace.database(0).setString(bytes, start, 3, bytes, 0, 6, 0);
    const target = new DirectFileTarget(disk, { directory, name, temporaryName: "temp", checksum: true });
    const header = { version: "7.0.0", createdAtSeconds: 1, usedMemoryBytes: 1, isAofBase: true, libraries: [] };
    const snapshot = new Snapshot({
      keyspace,
      collections,
      output: new RdbOutput(target, { compress: false }),
      form: rdbForm,
      header,
    });
    snapshot.walk(() => false);
    target.commit();
  }

  test("a sound snapshot is counted, a damaged one is located", async () => {
    putSnapshot("/d", "dump.rdb");
    expect(await check("/d/dump.rdb")).toBe(true);
    expect(lines.pop()).toMatch(/snapshot of version 10, 2 keys \(string 2\), 0 that expire, \d+ bytes: good$/);
    const bytes = get("/d/dump.rdb");
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    put("/d/flipped.rdb", bytes);
    expect(await check("/d/flipped.rdb")).toBe(false);
    expect(lines.pop()).toMatch(/checksum.* at offset \d+, in or behind the key "(one|two)"$/i);
    put("/d/short.rdb", bytes.subarray(0, 20));
    expect(await check("/d/short.rdb")).toBe(false);
    expect(lines.pop()).toMatch(/Unexpected end of file at offset 20, before the first key$/);
  });

  test("a cut command is located, and cut off after a copy if that is asked for", async () => {
    put("/d/a.aof", Buffer.concat([WHOLE, encodeCommand(["SET", "b", "2"]).subarray(0, 9)]));
    expect(await check("/d/a.aof")).toBe(false);
    expect(lines.pop()).toContain(`A command is not finished at offset ${WHOLE.length}; sound up to ${WHOLE.length}`);
    expect(get("/d/a.aof").length).toBe(WHOLE.length + 9);
    expect(await check("/d/a.aof", true)).toBe(true);
    expect(get("/d/a.aof")).toEqual(WHOLE);
    expect(get("/d/a.aof.before-fix").length).toBe(WHOLE.length + 9);
    expect(await check("/d/a.aof")).toBe(true);
    expect(lines.pop()).toContain(`append-only, 2 commands, ${WHOLE.length} bytes: good`);
  });

  test("an unfinished transaction goes as a whole", async () => {
    put("/d/a.aof", Buffer.concat([WHOLE, encodeCommand(["MULTI"]), WHOLE]));
    expect(await check("/d/a.aof", true)).toBe(true);
    expect(get("/d/a.aof")).toEqual(WHOLE);
  });

  test("all files of a manifest are checked, and only the last one is ever cut", async () => {
    putSnapshot("/d", "a.1.base.rdb");
    put("/d/a.1.incr.aof", Buffer.concat([WHOLE, Buffer.from("rubbish")]));
    put("/d/a.2.incr.aof", WHOLE);
    put(
      "/d/a.manifest",
      "file a.1.base.rdb seq 1 type b\nfile a.1.incr.aof seq 1 type i\nfile a.2.incr.aof seq 2 type i\n",
    );
    expect(await check("/d", true)).toBe(false);
    expect(lines.join("\n")).toContain(`What stands here is no command at offset ${WHOLE.length}`);
    expect(lines.join("\n")).toContain("only the tail of the last append-only file can be cut off");
    expect(get("/d/a.1.incr.aof").length).toBe(WHOLE.length + 7);
    expect(lines.at(-1)).toContain("a.2.incr.aof: append-only, 2 commands");
  });

  test("a snapshot with commands behind it is both", async () => {
    putSnapshot("/d", "a.rdb");
    put("/d/a.aof", Buffer.concat([get("/d/a.rdb"), WHOLE]));
    expect(await check("/d/a.aof")).toBe(true);
    expect(lines[0]).toContain("snapshot of version 10, 2 keys");
    expect(lines[1]).toContain("append-only, 2 commands");
  });
});
