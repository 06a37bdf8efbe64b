import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { expect, test } from "vitest";
import { silentLogger } from "../../observability/logger.ts";
import { backgroundOver } from "../../platform/background-disk.ts";
import { FakeClock } from "../../platform/fake-clock.ts";
import { MemoryDisk } from "../../platform/memory-disk.ts";
import { SECTOR_BYTES } from "../../platform/sectors.ts";
import { file, hex, short, valkeyFile } from "../hand-made-rdb.ts";
import { loadAppendOnly } from "./aof-start.ts";
import { Filler } from "./filler.ts";
import { PreparedFile } from "./prepared-file.ts";

const STRING = [hex("00"), short("k"), short("v")];
const COMMAND = encodeCommand(["SET", "a", "1"]);

test.each([
  ["Redis", file(11, ...STRING)],
  ["Valkey", valkeyFile(...STRING)],
  ["nobody", Buffer.alloc(0)],
])(
  "the snapshot of %s at the head of a file is loaded as one, and the commands behind it are run",
  async (_, snapshot) => {
    const disk = new MemoryDisk();
    const write = (name: string, bytes: Buffer) => disk.create(`/data/aof/${name}`).append(bytes, 0, bytes.length);
    write("a.manifest", Buffer.from("file a.1.base.rdb seq 1 type b\n"));
    write("a.1.base.rdb", Buffer.concat([snapshot, COMMAND]));
    const run: Buffer[] = [];
    const snapshots: string[] = [];
    const opened = await loadAppendOnly({
      place: { disk, dataDirectory: "/data", directoryName: "aof", fileName: "a" },
      ...{ clock: new FakeClock(), logger: silentLogger, allowsTruncated: false, hasRdbBase: true },
      knows: () => true,
      createApplier: () => (commands) => run.push(Buffer.from(commands)) && commands.length,
      loadSnapshot: async (name) => snapshots.push(name) && snapshot.length,
      writeSnapshot: () => undefined,
      loading: () => undefined,
    });
    expect(opened?.manifest.base?.name).toBe("a.1.base.rdb");
    expect(snapshots).toEqual(snapshot.length === 0 ? [] : ["/data/aof/a.1.base.rdb"]);
    expect(Buffer.concat(run)).toEqual(COMMAND);
  },
);

test("a file with holes is cut to its data on a full disk too, where nothing can be kept aside", async () => {
  const disk = new MemoryDisk();
  const manifest = Buffer.from("file a.1.incr.aof seq 1 type i\n");
  disk.create("/data/aof/a.manifest").append(manifest, 0, manifest.length);
  const name = "/data/aof/a.1.incr.aof";
  const filler = new Filler("0123456789abcdef");
  const file = new PreparedFile(await backgroundOver(disk).create(name), { key: filler.key, stepBytes: 8192 });
  await file.prepare();
  await file.append([COMMAND]);
  const { sizeBytes } = file;
  await file.append([encodeCommand(["SET", "b", "v".repeat(3 * SECTOR_BYTES)])]);
  disk.openToAppend(name).write(filler.sectors(1), 0, SECTOR_BYTES, 2 * SECTOR_BYTES);
  disk.freeBytes = 100;
  const run: Buffer[] = [];
  const opened = await loadAppendOnly({
    place: { disk, dataDirectory: "/data", directoryName: "aof", fileName: "a" },
    ...{ clock: new FakeClock(), logger: silentLogger, allowsTruncated: true, hasRdbBase: true },
    knows: () => true,
    createApplier: () => (commands) => run.push(Buffer.from(commands)) && commands.length,
    loadSnapshot: () => Promise.resolve(0),
    writeSnapshot: () => undefined,
    loading: () => undefined,
  });
  expect(opened?.manifest.increments).toHaveLength(1);
  expect(Buffer.concat(run)).toEqual(COMMAND);
  expect(disk.openToRead(name).sizeBytes).toBe(sizeBytes);
  expect(disk.list("/data/aof").sort()).toEqual(["a.1.incr.aof", "a.manifest"]);
});
