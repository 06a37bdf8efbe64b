/** Links to other servers come from `bind-source-addr`, if that can be. */

import { once } from "node:events";
import net from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Config } from "../config/config.ts";
import { linkConnector } from "./link-connector.ts";

const server = net.createServer();
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => server.close());

async function comesFrom(source: string): Promise<string | undefined> {
  const config = new Config({ workingDirectory: "/data", resolveDirectory: (path) => path });
  config.assign("bind-source-addr", source);
  const { port } = server.address() as net.AddressInfo;
  const socket = linkConnector(config, () => false)("127.0.0.1", port, () => undefined);
  const [accepted] = (await once(server, "connection")) as [net.Socket];
  const { remoteAddress } = accepted;
  socket.destroy();
  accepted.destroy();
  return remoteAddress;
}

test("from the address that is given", async () => {
  expect(await comesFrom("127.0.0.2")).toBe("127.0.0.2");
});

test("from any where there is none, or none that leads there", async () => {
  for (const source of ["", "203.0.113.7", "::1", "no address"]) expect(await comesFrom(source)).toBe("127.0.0.1");
});
