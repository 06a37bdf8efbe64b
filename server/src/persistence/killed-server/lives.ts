/**
 * The lives of a server that is killed again and again while clients write to it: in the middle of writes, of a snapshot, a
 * rewrite, a load, a shutdown. Between two lives whoever runs them looks at what is left.
 */

import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Random } from "../../platform/random.ts";
import { pause } from "../../testing/acknowledged-writes.ts";
import { ChildServer } from "../../testing/child-server.ts";
import { ReferenceClient } from "../../testing/reference-server.ts";
import { CountingWriter, type DataSize, TOTAL } from "./counting-writer.ts";

export type Moment = "load" | "write" | "save" | "save point" | "rewrite" | "block" | "shutdown";

/** How many were killed in the middle of what, by what they had said; and how many left a file that was half written. */
export interface Hits {
  load: number;
  save: number;
  rewrite: number;
  block: number;
  shutdown: number;
  halfFiles: number;
}

export interface LivesOptions {
  readonly random: Random;
  readonly directivesOf: (moment: Moment) => readonly string[];
  readonly size: DataSize;
  readonly moments: readonly Moment[];
}

export interface Life {
  readonly server: ChildServer;
  readonly port: number;
  readonly admin: ReferenceClient;
  readonly writing: Promise<unknown>;
}

const WRITERS = 8;
const LONGEST_LIFE_MS = 400;
/** One check in so many reads everything. */
const THOROUGH_CHECKS = 8;
/** What a start takes about, before it loads. */
const START_MS = 250;

export class Lives {
  readonly directory = mkdtempSync(path.join(tmpdir(), "kv-killed-"));
  readonly writers: readonly CountingWriter[];
  readonly hits: Hits = { load: 0, save: 0, rewrite: 0, block: 0, shutdown: 0, halfFiles: 0 };
  readonly #options: LivesOptions;
  #checks = 0;
  #isBlocked = false;
  /** What a snapshot takes on this machine. */
  #saveMs = 0;

  constructor(options: LivesOptions) {
    this.#options = options;
    this.writers = Array.from({ length: WRITERS }, (_, index) => new CountingWriter(index, options.size));
  }

  get acknowledged(): number {
    return this.writers.reduce((sum, writer) => sum + writer.totalAcknowledged, 0);
  }

  start(moment: Moment): ChildServer {
    return new ChildServer(this.directory, this.#options.directivesOf(moment));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** The data that all begins with, saved, and so on the disk. */
  async fill(): Promise<void> {
    const server = this.start("write");
    const client = await ReferenceClient.connect(await server.ready());
    for (const writer of this.writers) await writer.fill(client);
    if (this.#options.moments.includes("rewrite")) {
      await client.send([["BGREWRITEAOF"]]);
      await server.said("finished successfully");
    }
    const startMs = performance.now();
    await client.send([["BGSAVE"]]);
    await server.said("Background saving terminated with success");
    this.#saveMs = performance.now() - startMs;
    client.close();
    await server.kill("SIGTERM");
  }

  /** Kills a start in the middle. */
  async killStart(): Promise<void> {
    const server = this.start("load");
    await pause(this.#options.random.below(START_MS + 2 * this.#saveMs));
    const isLoading = server.log.includes("Running mode") && !server.log.includes("Ready to accept connections");
    await server.kill();
    if (isLoading) this.hits.load++;
  }

  async begin(server: ChildServer, port: number): Promise<Life> {
    const writing = Promise.all(this.writers.map((writer) => writer.writeUntilCut(port)));
    return { server, port, writing, admin: await ReferenceClient.connect(port) };
  }

  /** Lets the writers write for a while. */
  async live(): Promise<void> {
    await pause(this.#options.random.below(LONGEST_LIFE_MS));
  }

  /** Keeps the server from everything else, as far as it can be seen until it is killed. */
  block({ admin }: Life, command: readonly string[]): void {
    this.#isBlocked = true;
    const over = (): void => {
      this.#isBlocked = false;
    };
    void admin.send([command]).then(over, () => undefined);
  }

  /** About as long after this as a snapshot takes. */
  async kill({ server, admin, writing }: Life): Promise<void> {
    await pause(this.#options.random.below(1 + 2 * Math.ceil(this.#saveMs)));
    await server.kill();
    if (this.#isBlocked) this.hits.block++;
    this.#isBlocked = false;
    admin.close();
    await writing;
    this.#countHits(server);
  }

  /** Gives the number that each writer's data is at. Throws, with what is wrong, if it is at none. */
  async check(port: number, isThorough = this.#checks++ % THOROUGH_CHECKS === 0): Promise<readonly number[]> {
    const client = await ReferenceClient.connect(port);
    try {
      const lasts: number[] = [];
      for (const writer of this.writers) lasts.push(await writer.read(client, isThorough));
      const [total, count] = await client.send([["GET", TOTAL], ["DBSIZE"]]);
      const sum = lasts.reduce((before, last) => before + last, 0);
      if (Number(total ?? 0) !== sum) throw new Error(`Of several moments: ${total} in all, but ${lasts.join("+")}`);
      const missing = lasts.reduce((before, last) => before + (last === 0 ? 2 : 0), sum === 0 ? 1 : 0);
      const expected = CountingWriter.keysInAll(WRITERS, this.#options.size) - missing;
      if (count !== expected) throw new Error(`There are ${count} keys, not ${expected}`);
      return lasts;
    } finally {
      client.close();
    }
  }

  choose(): Moment {
    const { random, moments } = this.#options;
    return moments[random.below(moments.length)] as Moment;
  }

  #countHits({ log, pid }: ChildServer): void {
    const { hits } = this;
    if (log.includes("User requested shutdown")) hits.shutdown += log.includes("bye bye") ? 0 : 1;
    else if (isUnderWay(log, SAVE)) hits.save++;
    else if (isUnderWay(log, REWRITE)) hits.rewrite++;
    const folders = [this.directory, path.join(this.directory, "appendonlydir")].filter((folder) => existsSync(folder));
    const leftover = new RegExp(`^temp-(kv|rewriteaof-bg)-${pid}-\\d+\\.(rdb|aof)$`);
    if (folders.some((folder) => readdirSync(folder).some((name) => leftover.test(name)))) hits.halfFiles++;
  }
}

const SAVE = { begun: /Background saving started/g, ended: /Background saving (terminated|error)/g };
const REWRITE = { begun: /rewriting started/g, ended: /AOF rewrite (finished|failed)/g };

function isUnderWay(log: string, { begun, ended }: typeof SAVE): boolean {
  return (log.match(begun)?.length ?? 0) > (log.match(ended)?.length ?? 0);
}
