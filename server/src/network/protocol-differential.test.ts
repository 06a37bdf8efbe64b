/**
 * What arrives malformed, cut off or typed by hand, against redis-server: everything that comes back until the connection
 * closes is compared. Each input is sent whole and then the client ends its side, as `nc` would.
 */

import { afterAll, beforeAll, describe, test } from "vitest";
import { seedOf } from "../testing/differential.ts";
import { expectSameAnswers, malformedPipeline } from "../testing/malformed-pipelines.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { Script } from "../testing/script.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const FUZZ_INPUTS = 1500;

describe.runIf(hasReferenceServer)("protocol beside redis-server", () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await startServerPair();
  });
  afterAll(() => pair.stop());

  async function expectSame(inputs: readonly (string | Buffer)[], note = ""): Promise<void> {
    await expectSameAnswers(pair.ports, inputs, note);
  }

  test("malformed counts and lengths", async () => {
    const numbers = [
      "",
      "0",
      "-0",
      "-1",
      "-2",
      "-10",
      "+1",
      " 1",
      "1 ",
      "01",
      "007",
      "abc",
      "1a",
      "a1",
      "--1",
      "-",
      "1.5",
    ];
    numbers.push(
      "1e3",
      "\0",
      "1\0",
      "2147483647",
      "2147483648",
      "4294967296",
      "9223372036854775807",
      "9223372036854775808",
    );
    numbers.push("536870912", "536870913", "-9223372036854775808", "-9223372036854775809", "99999999999999999999999");
    numbers.push("1".repeat(100), "0".repeat(30), "1\n", "1\n\n", "\n", "1\rx", "\r", "1\r\r");
    const inputs = numbers.flatMap((number) => [
      `*${number}\r\n`,
      `*${number}\r\n$4\r\nPING\r\n`,
      `*1\r\n$${number}\r\n`,
      `*1\r\n$${number}\r\nPING\r\n`,
      `*2\r\n$4\r\nECHO\r\n$${number}\r\n\r\n*1\r\n$4\r\nPING\r\n`,
      `*1\r\n$4\r\nPING\r\n*${number}\r\n*1\r\n$4\r\nPING\r\n`,
    ]);
    await expectSame(inputs);
  });

  test("wrong marks and wrong line ends", async () => {
    const marks = ["+", "-", ":", "*", "\0", " ", "\r", "\n", "\x80", "\xff", "P", "'", "%", "~"];
    const inputs = marks.flatMap((mark) => [
      `*1\r\n${mark}4\r\nPING\r\n`,
      `*2\r\n$4\r\nECHO\r\n${mark}2\r\nhi\r\n`,
      `${mark}1\r\n$4\r\nPING\r\n`,
      `*1\r\n$4\r\nPING${mark}\n*1\r\n$4\r\nPING\r\n`,
      `*1\r\n$4\r\nPING\r${mark}*1\r\n$4\r\nPING\r\n`,
      `*1\r\n$4\r${mark}PING\r\n`,
      `*1\r${mark}$4\r\nPING\r\n`,
    ]);
    await expectSame(inputs);
  });

  test("inline requests", async () => {
    const lines = [
      "PING",
      "  PING  ",
      "PING hello",
      'PING "hello world"',
      "PING 'it\\'s'",
      'PING "\\x41\\n\\t\\"\\\\"',
      "",
    ];
    lines.push(
      "   ",
      "\t",
      'PING "',
      "PING '",
      'PING "a"b',
      "PING 'a'b",
      'PING a"b"',
      'PING ""',
      "PING ''",
      '""',
      "'' x",
    );
    lines.push(
      "SET a\tb",
      "GET a",
      "NOSUCH x",
      "PING \x01",
      "PING \x80",
      "PING a\0b",
      "\0",
      "PING\vx",
      "PING\fx",
      "ECHO \\x41",
    );
    lines.push('ECHO "\\xzz"', 'ECHO "\\x4"', 'ECHO "\\', "ECHO \\", 'ECHO "\\a\\b"', "ECHO a\rb", "quit", "QUIT now");
    const inputs = lines.flatMap((line) => [
      `${line}\r\n`,
      `${line}\n`,
      `${line}\r\nPING\r\n`,
      `PING\r\n${line}`,
      `${line}\r\r\n`,
    ]);
    await expectSame(inputs);
  });

  test("lines that are too long", async () => {
    const long = "x".repeat(70_000);
    await expectSame([
      `${long}\r\n`,
      long,
      `*${"1".repeat(70_000)}`,
      `*1\r\n$${"1".repeat(70_000)}`,
      `PING ${long}\r\n`,
    ]);
  });

  test("requests for HTTP and requests of other protocols", async () => {
    await expectSame([
      "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nPING\r\n",
      "PING\r\nhost: localhost\r\nPING\r\n",
      "PING\r\nPOST /x\r\nPING\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
    ]);
  });

  test("mutated pipelines", async () => {
    const seed = seedOf(51);
    const script = new Script(seed);
    const inputs = Array.from({ length: FUZZ_INPUTS }, () => malformedPipeline(script));
    await expectSame(inputs, `seed ${seed}`);
  });
});
