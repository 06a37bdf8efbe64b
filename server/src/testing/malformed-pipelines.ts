/** Short pipelines with a few bytes changed, and what two servers answer until the connection ends. */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { expect } from "vitest";
import type { Ports } from "./episode.ts";
import { mutate } from "./mutated-input.ts";
import { RawClient } from "./raw-client.ts";
import type { Script } from "./script.ts";

const AT_ONCE = 50;
const SHOWN_CHARACTERS = 300;

/** Requests whose replies do not depend on what other connections did. */
const COMMANDS = [
  ["PING"],
  ["ECHO", "world"],
  ["ECHO", Buffer.from([0, 13, 10, 42])],
  ["GET"],
  ["PING", "a", "b"],
  ["NOSUCH", "x"],
];

export function malformedPipeline(script: Script): Buffer {
  const requests = Array.from({ length: 1 + script.random.below(4) }, () => encodeCommand(script.pick(COMMANDS)));
  return mutate(script, Buffer.concat(requests));
}

/** Sends each input on a connection of its own; strings are bytes. */
export async function expectSameAnswers(ports: Ports, inputs: readonly (string | Buffer)[], note = ""): Promise<void> {
  for (let start = 0; start < inputs.length; start += AT_ONCE) {
    await Promise.all(
      inputs.slice(start, start + AT_ONCE).map(async (input) => {
        const [ours, theirs] = await Promise.all([answerTo(ports.ours, input), answerTo(ports.reference, input)]);
        const shown = show(typeof input === "string" ? Buffer.from(input, "latin1") : input);
        expect(show(ours), `${note} input ${shown}`).toBe(show(theirs));
      }),
    );
  }
}

async function answerTo(port: number, input: string | Buffer): Promise<Buffer> {
  const client = await RawClient.connect(port);
  client.write(input);
  client.end();
  const answer = await client.untilClosed();
  client.close();
  return answer;
}

function show(bytes: Buffer): string {
  const text = JSON.stringify(bytes.toString("latin1"));
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}… (${bytes.length} bytes)` : text;
}
