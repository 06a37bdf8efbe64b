/** Conversations of several clients, the same with redis-server: what each of them gets behind each line. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Conversation, play } from "../testing/conversation.ts";
import { CONVERSATIONS } from "../testing/conversations/all-conversations.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const SHOWN_ENTRIES = 8;
const SHOWN_BEFORE = 100;

describe.runIf(hasReferenceServer)("conversations beside redis-server", () => {
  let shared: ServerPair;
  beforeAll(async () => {
    shared = await startServerPair();
  });
  afterAll(() => shared.stop());

  for (const [concern, conversations] of Object.entries(CONVERSATIONS)) {
    test.each(conversations.map((conversation) => [conversation.title, conversation] as const))(
      `${concern}: %s`,
      async (_title, conversation) => {
        if (conversation.directives === undefined) {
          return compare(shared, conversation).catch(async (difference) => {
            // What it did not put back is not to trouble the others.
            await shared.stop();
            shared = await startServerPair();
            throw difference;
          });
        }
        const own = await startServerPair(...conversation.directives);
        await compare(own, conversation).finally(() => own.stop());
      },
    );
  }
});

async function compare({ ports }: ServerPair, conversation: Conversation): Promise<void> {
  // One after the other: ours may sleep in this process.
  const ours = await play(ports.ours, conversation);
  const theirs = await play(ports.reference, conversation);
  const at = theirs.findIndex((entry, index) => entry !== ours[index]);
  if (at === -1 && ours.length === theirs.length) return;
  const before = theirs.slice(Math.max(0, at - SHOWN_ENTRIES), at);
  const [own = "nothing", expected = "nothing"] = [ours[at], theirs[at]].map((entry) => entry ?? "nothing");
  const same = [...expected].findIndex((letter, index) => letter !== own[index]);
  const shown = (text: string): string => JSON.stringify(text.slice(Math.max(0, same - SHOWN_BEFORE)));
  expect.fail([...before, `OURS: …${shown(own)}`, `THEIRS: …${shown(expected)}`].join("\n"));
}
