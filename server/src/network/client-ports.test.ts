/** CONFIG SET of what a server listens on, beside redis-server. */

import { createServer } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../persistence/reference-redis.ts";
import { Certificates, hasOpenssl } from "../testing/certificates.ts";
import { RawClient } from "../testing/raw-client.ts";
import { hasReferenceServer } from "../testing/reference-server.ts";
import { type ServerPair, startServerPair } from "../testing/server-pair.ts";

const PATIENCE_MS = 2000;

describe.runIf(hasReferenceServer)("CONFIG SET of ports and addresses", () => {
  let pair: ServerPair;
  let certificates: Certificates | undefined;
  beforeAll(async () => {
    certificates = hasOpenssl ? new Certificates() : undefined;
    certificates?.issue("server");
    pair = await startServerPair("--bind", "127.0.0.1");
  });
  afterAll(async () => {
    await pair.stop();
    certificates?.remove();
  });

  const isServed = (port: number, host?: string): Promise<boolean> =>
    RawClient.connect(port, PATIENCE_MS, host)
      .then(async (client) => {
        const reply = await client.text("PING").finally(() => client.close());
        return reply === "+PONG\r\n";
      })
      // Nobody is there, or somebody else's test, which has been given a port that was free a moment ago.
      .catch(() => false);

  /** What a connection that is there from before hears, line by line, and who is served where behind each. */
  async function story(first: number): Promise<string[]> {
    const client = await RawClient.connect(first);
    const [second, taken] = [await freePort(), await freePort()];
    const other = createServer().listen(taken, "127.0.0.1");
    const names = new Map([
      [first, "first"],
      [second, "second"],
      [taken, "taken"],
    ]);
    const told: string[] = [];
    const tell = async (...words: string[]): Promise<void> => {
      const reply = await client.text(...words);
      const served: string[] = [];
      for (const port of [first, second]) {
        for (const host of ["127.0.0.1", "::1"])
          if (await isServed(port, host)) served.push(`${names.get(port)} ${host}`);
      }
      const shown = [...names].reduce(
        (text, [port, name]) => text.replaceAll(`$${String(port).length}\r\n${port}`, name),
        reply,
      );
      told.push(`${words.slice(0, 3).join(" ")} => ${shown} ${served.join(", ")}`);
    };
    await tell("CONFIG", "SET", "port", String(second));
    await tell("CONFIG", "GET", "port");
    await tell("CONFIG", "SET", "port", String(taken));
    await tell("CONFIG", "SET", "hz", "20", "port", String(taken));
    await tell("CONFIG", "GET", "hz");
    await tell("CONFIG", "SET", "bind", "127.0.0.1 ::1");
    await tell("CONFIG", "SET", "bind", "10.255.255.1");
    await tell("CONFIG", "SET", "bind", "127.0.0.1 -10.255.255.1");
    await tell("CONFIG", "GET", "bind");
    await tell("CONFIG", "SET", "port", String(first), "bind", "127.0.0.1");
    await tell("CONFIG", "SET", "tls-port", String(second));
    await tell("CONFIG", "GET", "tls-port");
    await tell("CONFIG", "SET", "port", "0");
    await tell("CONFIG", "SET", "port", String(first));
    client.close();
    other.close();
    return told;
  }

  test("moves new clients, leaves those that are connected, and refuses what cannot be had", async () => {
    const theirs = await story(pair.ports.reference);
    expect(await story(pair.ports.ours)).toEqual(theirs);
    expect(theirs[0]).toContain("second 127.0.0.1");
  });

  test.runIf(hasOpenssl)("opens and closes the port for TLS", async () => {
    const files = certificates as Certificates;
    const port = await freePort();
    const client = await RawClient.connect(pair.ports.ours);
    const secrets = ["tls-cert-file", files.file("server.crt"), "tls-key-file", files.file("server.key")];
    const words = ["CONFIG", "SET", "tls-port", String(port), ...secrets, "tls-auth-clients", "no"];
    expect(await client.text(...words)).toBe("+OK\r\n");
    const socket = connectSecurely({ port, host: "127.0.0.1", rejectUnauthorized: false });
    socket.write("PING\r\n");
    expect(String(await new Promise((resolve) => socket.once("data", resolve)))).toBe("+PONG\r\n");
    expect(await client.text("CONFIG", "SET", "tls-port", "0")).toBe("+OK\r\n");
    expect(await isServed(port)).toBe(false);
    socket.write("PING\r\n");
    expect(String(await new Promise((resolve) => socket.once("data", resolve)))).toBe("+PONG\r\n");
    socket.destroy();
    expect(await client.text("CONFIG", "GET", "tls-port")).toContain("$1\r\n0\r\n");
    expect(await client.text("MULTI")).toBe("+OK\r\n");
    await client.text("CONFIG", "SET", "port", String(port));
    expect(await client.text("EXEC")).toContain("cannot be part of a transaction");
    client.close();
  });
});
