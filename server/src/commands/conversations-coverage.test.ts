/** Every command that redis-server has in the area of the conversations is in one of them, or is left out with a reason. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commandsOf, linesOf } from "../testing/conversation.ts";
import { CONVERSATIONS } from "../testing/conversations/all-conversations.ts";
import { CONVERSATION_GROUPS, DEBUG_LEFT_OUT, LEFT_OUT, OTHER_CONTAINERS } from "../testing/conversations/left-out.ts";
import {
  hasReferenceServer,
  ReferenceClient,
  type ReferenceServer,
  startReferenceServer,
} from "../testing/reference-server.ts";

const SUBCOMMANDS_COLUMN = 9;

/** Names with their subcommands, of the calls in all conversations: `client|list`. */
function namesCalled(): Set<string> {
  const names = new Set<string>();
  const lines = Object.values(CONVERSATIONS).flatMap((all) =>
    all.flatMap((conversation) => linesOf(conversation.lines)),
  );
  for (const [name = "", subcommand = ""] of lines.flatMap(commandsOf)) {
    names.add(name.toLowerCase());
    names.add(`${name}|${subcommand}`.toLowerCase());
  }
  return names;
}

describe.runIf(hasReferenceServer)("conversations", () => {
  let server: ReferenceServer;
  let client: ReferenceClient;
  beforeAll(async () => {
    server = await startReferenceServer("--enable-debug-command", "yes");
    client = await ReferenceClient.connect(server.port);
  });
  afterAll(async () => {
    client.close();
    await server.stop();
  });

  const ask = async (...words: string[]): Promise<unknown[]> => (await client.send([words]))[0] as unknown[];

  async function namesInArea(): Promise<string[]> {
    const docs = await ask("COMMAND", "DOCS");
    const groups = new Map<string, string>();
    for (let i = 0; i < docs.length; i += 2) {
      const fields = (docs[i + 1] as unknown[]).map(String);
      groups.set(String(docs[i]), fields[fields.indexOf("group") + 1] as string);
    }
    const rows = (await ask("COMMAND")) as unknown[][];
    return rows
      .filter(([name]) => CONVERSATION_GROUPS.has(groups.get(String(name)) ?? "") || OTHER_CONTAINERS.has(String(name)))
      .flatMap((row) => {
        const subcommands = row[SUBCOMMANDS_COLUMN] as unknown[][];
        return subcommands.length === 0 ? [String(row[0])] : subcommands.map(([name]) => String(name));
      })
      .filter((name) => !name.endsWith("|help"));
  }

  test("hold every command of their area, but those left out", async () => {
    const called = namesCalled();
    const names = await namesInArea();
    expect(names.length).toBeGreaterThan(110);
    expect(names.filter((name) => !called.has(name) && LEFT_OUT[name] === undefined)).toEqual([]);
    expect(Object.keys(LEFT_OUT).filter((name) => !names.includes(name))).toEqual([]);
  });

  test("hold every subcommand of DEBUG that redis-server tells of, but those left out", async () => {
    const called = namesCalled();
    const names = (await ask("DEBUG", "HELP"))
      .map(String)
      .filter((line) => /^[A-Z]/.test(line) && !/^(DEBUG <subcommand>|HELP)/.test(line))
      .map((line) => line.split(" ", 1)[0]?.toLowerCase() as string);
    expect(names.length).toBeGreaterThan(30);
    const missing = [...new Set(names)].filter(
      (name) => !called.has(`debug|${name}`) && DEBUG_LEFT_OUT[name] === undefined,
    );
    expect(missing).toEqual([]);
    expect(Object.keys(DEBUG_LEFT_OUT).filter((name) => called.has(`debug|${name}`) || !names.includes(name))).toEqual(
      [],
    );
  });
});
