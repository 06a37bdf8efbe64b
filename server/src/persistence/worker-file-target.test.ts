import { expect, it } from "vitest";
import { WorkerFileTarget } from "./worker-file-target.ts";

it("fails like by any other fault when the system gives no thread", async () => {
  const file = { directory: "/data", name: "dump.rdb", temporaryName: "temp.rdb", checksum: true };
  const noThread = (): never => {
    throw new Error("Resource temporarily unavailable");
  };
  const failure = new Promise((resolve) => {
    const target = new WorkerFileTarget({ file, done: () => undefined, failed: resolve }, noThread);
    target.exchange(Buffer.from(new ArrayBuffer(8)), 8);
    target.end();
  });
  expect(await failure).toBe("Resource temporarily unavailable");
});
