/**
 * A client that speaks to one node only, whatever becomes of that: it stands on the node's side of a partition. It writes all
 * the time, and waits for copies of some of its writes for as long as it takes, each on a connection of its own.
 */

import { RespError, type RespValue } from "@kvcluster/protocol/resp-decoder";
import { type Appended, pause } from "./acknowledged-writes.ts";
import type { Address } from "./fleet.ts";
import { ReferenceClient } from "./reference-server.ts";

const PACE_MS = 20;
const WRITES_PER_WAIT = 5;

export class PinnedClient {
  readonly lists: readonly [quick: Appended, waiting: Appended];
  /** Waits that have no answer yet. */
  openWaits = 0;
  lastAcceptedMs = 0;
  /** When it was first told that the cluster is down, 0 for never. */
  refusedMs = 0;
  /** Writes that were taken after others had been refused. */
  acceptedAfterRefusal = 0;
  /** Why it writes no more, if nobody has stopped it. */
  failure = "";
  /** What it is about to do. */
  activity = "";
  /** What it was answered with in place of a number, each once. */
  readonly answers = new Set<string>();
  readonly #address: Address;
  readonly #waiting: ReferenceClient[] = [];
  #isStopping = false;
  #running: Promise<void> = Promise.resolve();

  constructor(address: Address, tag: string, round: number) {
    this.#address = address;
    const list = (kind: string): Appended => {
      return { key: `${kind}:${round}:{${tag}}`, sent: 0, acknowledged: [], accepted: 0 };
    };
    this.lists = [list("quick"), list("waiting")];
  }

  async start(): Promise<void> {
    const client = await this.#connect();
    const ended = this.#write(client).catch((error: Error) => {
      this.failure = error.message;
    });
    this.#running = ended.finally(() => client.close());
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    for (const client of this.#waiting) client.close();
  }

  async #write(client: ReferenceClient): Promise<void> {
    const [quick] = this.lists;
    for (let turn = 0; !this.#isStopping; turn++) {
      const number = ++quick.sent;
      this.activity = `write ${number}`;
      const [reply] = await client.send([["RPUSH", quick.key, number]]);
      this.#note(reply);
      if (typeof reply === "number") quick.accepted++;
      if (turn % WRITES_PER_WAIT === 0 && typeof reply === "number") await this.#writeAndWait();
      await pause(PACE_MS);
    }
  }

  #note(reply: RespValue | undefined): void {
    if (typeof reply === "number") {
      this.lastAcceptedMs = Date.now();
      if (this.refusedMs > 0) this.acceptedAfterRefusal++;
    } else if (reply instanceof RespError) {
      this.answers.add(reply.message.replace(/\d.*/, ""));
      if (this.refusedMs === 0) this.refusedMs = Date.now();
    }
  }

  /** Goes on once the write is answered; the wait may take any time. */
  async #writeAndWait(): Promise<void> {
    const [, waiting] = this.lists;
    this.activity = "connect";
    const client = await this.#connect();
    this.#waiting.push(client);
    const number = ++waiting.sent;
    this.activity = `write ${number} and wait`;
    const [reply] = await client.send([["RPUSH", waiting.key, number]]);
    if (typeof reply !== "number") return;
    waiting.accepted++;
    this.openWaits++;
    void client
      .send([["WAIT", 1, 0]])
      .then(([copies]) => {
        if (typeof copies === "number" && copies >= 1) waiting.acknowledged.push(number);
      })
      .catch(() => undefined)
      .finally(() => this.openWaits--);
  }

  #connect(): Promise<ReferenceClient> {
    return ReferenceClient.connect(this.#address.port, { host: this.#address.host });
  }
}
