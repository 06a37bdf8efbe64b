import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { expect, test } from "vitest";
import { silentLogger } from "../../observability/logger.ts";
import { FakeClock } from "../../platform/fake-clock.ts";
import { MemoryDisk } from "../../platform/memory-disk.ts";
import { file, hex, short, valkeyFile } from "../hand-made-rdb.ts";
import { loadAppendOnly } from "./aof-start.ts";

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
