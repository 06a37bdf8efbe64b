import net from "node:net";
import { afterEach, expect, test } from "vitest";
import { descriptorOf } from "./listener.ts";
import { loadSocketBatch, type NativeSocketBatch, NodeSocketBatch, type SocketBatch } from "./socket-batch.ts";

const opened: (() => unknown)[] = [];

afterEach(() => {
  for (const close of opened.splice(0).reverse()) close();
});

/** The real one: `make setup` builds it, and the tests are given a C compiler. */
function realBatch(): SocketBatch {
  const batch = loadSocketBatch((reason) => {
    throw new Error(reason);
  });
  if (batch === undefined) throw new Error("not loaded");
  opened.push(() => batch.close());
  return batch;
}

/** Two ends of a connection, the accepted one as Node gives it before it reads. */
async function pair(): Promise<{ accepted: net.Socket; client: net.Socket }> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const client = net.connect({ port, allowHalfOpen: true });
  const accepted = await new Promise<net.Socket>((resolve) => server.once("connection", resolve));
  opened.push(
    () => server.close(),
    () => client.destroy(),
    () => accepted.destroy(),
  );
  return { accepted, client };
}

test("bytes arrive as they were sent, and the answer goes straight to the descriptor", async () => {
  const batch = realBatch();
  const { accepted, client } = await pair();
  const descriptor = descriptorOf(accepted);
  batch.watch(descriptor, {
    receive(buffer, start, end) {
      const rows = new Int32Array([descriptor, start, end]);
      batch.send(buffer, rows, 1);
      expect(rows[0]).toBe(end - start);
    },
    ended: () => undefined,
  });
  client.write(Buffer.from([0, 255, 13, 10]));
  const echoed = await new Promise<Buffer>((resolve) => client.once("data", resolve));
  expect(echoed).toEqual(Buffer.from([0, 255, 13, 10]));
});

test("the end of a stream comes after its bytes, and then is Node's to find", async () => {
  const batch = realBatch();
  const { accepted, client } = await pair();
  const seen: string[] = [];
  const hasEnded = new Promise<void>((resolve) => {
    batch.watch(descriptorOf(accepted), {
      receive: (buffer, start, end) => seen.push(buffer.toString("latin1", start, end)),
      ended: resolve,
    });
  });
  client.end("last words");
  await hasEnded;
  const nodeHears = new Promise<void>((resolve) => accepted.once("end", () => resolve()));
  accepted.resume();
  await nodeHears;
  expect(seen).toEqual(["last words"]);
});

test("a descriptor that nothing can be sent to takes no bytes, and others do", async () => {
  const batch = realBatch();
  const { accepted, client } = await pair();
  const rows = new Int32Array([-1, 0, 2, descriptorOf(accepted), 2, 4]);
  batch.send(Buffer.from("abcd"), rows, 2);
  expect([rows[0], rows[3]]).toEqual([0, 2]);
  expect(String(await new Promise<Buffer>((resolve) => client.once("data", resolve)))).toBe("cd");
});

test("rows beyond the buffer are refused, not sent", () => {
  const batch = realBatch();
  for (const row of [
    [1, 0, 5],
    [1, -1, 2],
    [1, 3, 2],
  ]) {
    expect(() => batch.send(Buffer.from("abcd"), new Int32Array(row), 1)).toThrow(/send failed/);
  }
  expect(() => batch.send(Buffer.from("abcd"), new Int32Array(3), 2)).toThrow(/send failed/);
});

test("more than one read takes is read to its end, which comes behind it", async () => {
  const batch = realBatch();
  const { accepted, client } = await pair();
  let bytes = 0;
  const hasEnded = new Promise<void>((resolve) => {
    batch.watch(descriptorOf(accepted), {
      receive: (_buffer, start, end) => {
        bytes += end - start;
      },
      ended: resolve,
    });
  });
  client.end(Buffer.alloc(5 << 20));
  await hasEnded;
  expect(bytes).toBe(5 << 20);
});

/** A native part without sockets: what it would have read is written into its rows, and reported. */
class FakeNative implements NativeSocketBatch {
  rows = new Int32Array(0) as Int32Array;
  report = (_count: number): boolean => false;
  readonly watch = (): void => undefined;
  readonly unwatch = (): void => undefined;
  readonly send = (): void => undefined;
  readonly close = (): void => undefined;

  create(_buffer: Buffer, rows: Int32Array, ready: (count: number) => boolean): unknown {
    this.rows = rows;
    this.report = ready;
    return {};
  }
}

test("while its end is dear, a turn goes on with those who have come meanwhile", () => {
  const native = new FakeNative();
  const batch = new NodeSocketBatch(native);
  const log: string[] = [];
  let gathers = true;
  batch.turnListener = {
    beginTurn: () => log.push("begin"),
    endTurn: () => log.push("end"),
    get gathers() {
      return gathers;
    },
  };
  batch.watch(5, {
    receive(_buffer, start, end) {
      log.push(`${start}-${end}`);
      batch.atEndOfTurn(() => log.push("over"));
    },
    ended: () => undefined,
  });
  native.rows.set([5, 0, 3]);
  const answers = [native.report(1), native.report(1), native.report(0)];
  gathers = false;
  answers.push(native.report(1));
  expect(answers).toEqual([true, true, false, false]);
  const round = ["begin", "0-3", "end"];
  expect(log).toEqual([...round, ...round, "begin", "end", "over", ...round, "over"]);
});

test("a reader that fails takes nothing from the others, and the turn ends", () => {
  const native = new FakeNative();
  const batch = new NodeSocketBatch(native);
  const log: string[] = [];
  const reader = (name: string, fault?: Error) => ({
    receive(_buffer: Buffer, start: number, end: number) {
      if (fault !== undefined) throw fault;
      log.push(`${name} ${start}-${end} ${batch.isInTurn}`);
      batch.atEndOfTurn(() => log.push(`over ${batch.isInTurn}`));
    },
    ended: () => log.push(`${name} ended`),
  });
  batch.watch(5, reader("a"));
  batch.watch(6, reader("b", new Error("broken")));
  batch.watch(7, reader("c"));
  batch.watch(8, reader("d"));
  native.rows.set([5, 0, 3, 6, 3, 4, 7, 4, 9, 8, 9, -104]);
  expect(() => native.report(4)).toThrow("broken");
  expect(log).toEqual(["a 0-3 true", "c 4-9 true", "d ended", "over false"]);
});
