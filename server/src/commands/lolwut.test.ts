import { afterAll, beforeAll, expect, test } from "vitest";
import { type OwnServer, startOwnServer } from "../testing/own-server.ts";
import { ReferenceClient } from "../testing/reference-server.ts";

let server: OwnServer;
beforeAll(async () => {
  server = await startOwnServer();
});
afterAll(() => server.stop());

async function ask(...words: string[]): Promise<string> {
  const client = await ReferenceClient.connect(server.port);
  const [reply] = await client.send([["LOLWUT", ...words]]);
  client.close();
  return String(reply);
}

const VERSION_LINE = /^kvcluster [\d.]+, Redis ver\. [\d.]+\n$/;

test("LOLWUT names the version", async () => {
  expect(await ask()).toMatch(VERSION_LINE);
  expect(await ask("VERSION", "99")).toMatch(VERSION_LINE);
});

test("LOLWUT VERSION 5 draws in Braille as wide as it is told", async () => {
  for (const [words, columns, rows] of [
    [["VERSION", "5"], 66, 50],
    [["VERSION", "5", "20", "2", "1"], 20, 5],
    [["VERSION", "5", "-3", "0", "0"], 1, 1],
  ] as const) {
    const lines = (await ask(...words)).split("\n");
    expect(`${lines.at(-2)}\n`).toMatch(VERSION_LINE);
    const drawn = lines.slice(0, -3);
    expect(drawn.length).toBe(rows);
    for (const line of drawn) expect(line).toMatch(new RegExp(`^[\\u2800-\\u28ff]{${columns}}$`));
    expect(drawn.join("")).toMatch(/[^\u2800]/);
  }
});

test("LOLWUT VERSION 6 draws blocks, as many as it is told", async () => {
  const lines = (await ask("VERSION", "6", "30", "7")).split("\n");
  expect(lines.length).toBe(7 + 3);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of a terminal
  for (const line of lines.slice(0, 7)) expect(line.replace(/\x1b\[\d+m/g, "")).toBe(" ".repeat(30));
});
