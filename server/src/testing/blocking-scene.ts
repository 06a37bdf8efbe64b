/**
 * Several clients of one server, some of which wait: each step is sent once the one before has been taken, which its reply
 * or CLIENT LIST tells. The transcript is what each client received in the end.
 */

import { encodeCommand } from "@kvcluster/protocol/resp-encoder";
import { RawClient } from "./raw-client.ts";

/** A client's number (0 never waits; PRIMARY talks to the primary of the server) and a command; `*` before it: the client is to wait now. */
export type Line = readonly [client: number, command: string];

export const PRIMARY = 4;
const CLIENTS = 5;

class Scene {
  readonly #clients: RawClient[];
  readonly #ids: string[] = [];
  readonly transcript: string[] = [];
  /** Replies that are still to come, of each client. */
  readonly #owed = new Array<number>(CLIENTS).fill(0);

  constructor(clients: RawClient[]) {
    this.#clients = clients;
  }

  static async open(port: number, primary: number): Promise<Scene> {
    const ports = Array.from({ length: CLIENTS }, (_, number) => (number === PRIMARY ? primary : port));
    const clients = await Promise.all(ports.map((each) => RawClient.connect(each)));
    const scene = new Scene(clients);
    await (clients[PRIMARY] as RawClient).command("FLUSHALL");
    for (const client of clients) scene.#ids.push((await client.command("CLIENT", "ID")).toString().slice(1).trim());
    return scene;
  }

  async play([number, line]: Line): Promise<void> {
    const client = this.#clients[number] as RawClient;
    const waits = line.startsWith("*");
    // Else what it was owed would be taken for the reply to this.
    if (this.#owed[number] !== 0 && !(await this.#isBlocked(number))) await this.#takeOwed(number);
    const words = line
      .replace("*", "")
      .replace("#1", this.#ids[1] as string)
      .split(" ");
    client.write(encodeCommand(words));
    if (waits) {
      this.#owed[number] = (this.#owed[number] as number) + 1;
      await this.#untilBlocked(number);
      return;
    }
    const [reply] = await client.replies(1);
    if (words[0] !== "HELLO") this.transcript.push(`${number} ${reply}`);
  }

  /** What the waiting clients were given. */
  async finish(): Promise<string[]> {
    const [control] = this.#clients as [RawClient];
    for (const [number, owed] of this.#owed.entries()) {
      if (owed === 0) continue;
      await control.command("CLIENT", "UNBLOCK", this.#ids[number] as string);
      await this.#takeOwed(number);
    }
    for (const client of this.#clients) client.close();
    return this.transcript;
  }

  async #takeOwed(number: number): Promise<void> {
    const replies = await (this.#clients[number] as RawClient).replies(this.#owed[number] as number);
    this.#owed[number] = 0;
    this.transcript.push(...replies.map((reply) => `${number} later ${reply}`));
  }

  async #untilBlocked(number: number): Promise<void> {
    while (!(await this.#isBlocked(number)));
  }

  async #isBlocked(number: number): Promise<boolean> {
    const mark = new RegExp(`^id=${this.#ids[number]} .* flags=b`, "m");
    return mark.test((await (this.#clients[0] as RawClient).command("CLIENT", "LIST")).toString());
  }
}

/** Plays the lines to an empty server, which may be the replica of another one. */
export async function playScene(port: number, lines: readonly Line[], primary = port): Promise<string[]> {
  const scene = await Scene.open(port, primary);
  for (const line of lines) await scene.play(line);
  return scene.finish();
}
