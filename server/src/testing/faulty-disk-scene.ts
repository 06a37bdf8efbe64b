/** For test files whose servers lie on a disk that fails: the disk, a directory for each test, and what to close after it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { ChildServer } from "./child-server.ts";
import { FaultyDisk } from "./faulty-disk.ts";
import { ReferenceClient } from "./reference-server.ts";

export class FaultyDiskScene {
  /** Of the test at hand. */
  directory = "";
  /** Called after the test, the last one first. */
  readonly opened: (() => unknown)[] = [];
  #disk: FaultyDisk | undefined;

  /** For all tests of the file, or of the group, that calls it. */
  static create(): FaultyDiskScene {
    const scene = new FaultyDiskScene();
    beforeAll(() => {
      scene.#disk = new FaultyDisk();
    });
    afterAll(() => scene.disk.remove());
    beforeEach(() => {
      scene.directory = mkdtempSync(path.join(tmpdir(), "kv-faulty-"));
      scene.disk.setFault("");
    });
    afterEach(async () => {
      scene.disk.setFault("");
      for (const close of scene.opened.splice(0).reverse()) await close();
      rmSync(scene.directory, { recursive: true, force: true });
    });
    return scene;
  }

  get disk(): FaultyDisk {
    if (this.#disk === undefined) throw new Error("The disk is made before the first test");
    return this.#disk;
  }

  /** A server of the test's directory. Resolves once it serves. */
  async start(...directives: readonly string[]): Promise<{ server: ChildServer; port: number }> {
    const { environment } = this.disk;
    const server = new ChildServer(this.directory, directives, { environment });
    this.opened.push(() => server.kill());
    return { server, port: await server.ready() };
  }

  async connect(port: number): Promise<ReferenceClient> {
    const client = await ReferenceClient.connect(port);
    this.opened.push(() => client.close());
    return client;
  }
}
