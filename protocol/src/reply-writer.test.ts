import { expect, test } from "vitest";
import { ReplyWriter } from "./reply-writer.ts";

const written = (resp3: boolean, write: (writer: ReplyWriter) => void): string => {
  const writer = new ReplyWriter();
  writer.resp3 = resp3;
  write(writer);
  return writer.buffer.toString("latin1", 0, writer.position);
};

test("replies take their RESP2 form", () => {
  expect(
    written(false, (w) => {
      w.map(1);
      w.nil();
      w.nilArray();
      w.boolean(true);
      w.doubleText("1.5");
      w.bulkInteger(-12);
      w.verbatim("hey");
      w.push(2);
    }),
  ).toBe("*2\r\n$-1\r\n*-1\r\n:1\r\n$3\r\n1.5\r\n$3\r\n-12\r\n$3\r\nhey\r\n*2\r\n");
});

test("replies take their RESP3 form", () => {
  expect(
    written(true, (w) => {
      w.map(1);
      w.set(2);
      w.nil();
      w.boolean(false);
      w.doubleText("inf");
      w.verbatim("hey");
      w.push(2);
      w.bigNumber("12");
    }),
  ).toBe("%1\r\n~2\r\n_\r\n#f\r\n,inf\r\n=7\r\ntxt:hey\r\n>2\r\n(12\r\n");
});

test("the writer grows for large bulk strings and forgets the memory once cleared", () => {
  const writer = new ReplyWriter();
  const big = Buffer.alloc(3 << 20, 65);
  writer.bulk(big, 0, big.length);
  expect(writer.position).toBe(big.length + "$3145728\r\n\r\n".length);
  writer.clear();
  expect(writer.position).toBe(0);
  expect(writer.buffer.length).toBeLessThan(1 << 20);
});

test("an error keeps to one line and is counted", () => {
  const writer = new ReplyWriter();
  writer.error("ERR a\r\nb");
  expect(writer.buffer.toString("latin1", 0, writer.position)).toBe("-ERR a  b\r\n");
  expect(writer.errors).toBe(1);
});

test("bytes that an error quotes come out as they came in", () => {
  const writer = new ReplyWriter();
  const quoted = Buffer.from("é\u{1f600}");
  writer.error(`ERR ${quoted.toString("latin1")}`);
  expect(writer.buffer.subarray(0, writer.position)).toEqual(Buffer.from("-ERR é\u{1f600}\r\n"));
});
