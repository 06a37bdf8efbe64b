// TLS through a forwarded port, which carries another name than the certificate: who is let in, and who is not.
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { createServer as createSecureServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasOpenssl, type IssuedFiles, TriedAuthority } from "../kv/tried-certificates.ts";
import { secureSocket, type TlsSecrets } from "./secure-socket.ts";
import { serverLink } from "./server-link.ts";

describe.runIf(hasOpenssl)("a secure socket", () => {
  let authority: TriedAuthority;
  let files: IssuedFiles;
  const servers: Server[] = [];
  beforeAll(() => {
    authority = new TriedAuthority();
    files = authority.issue("shop-0-0");
  });
  afterAll(() => {
    for (const server of servers) server.close();
    authority.remove();
  });

  /** A server that answers PONG to whatever it hears. */
  async function listen(asksForCertificates: boolean): Promise<number> {
    const verification = { requestCert: asksForCertificates, rejectUnauthorized: asksForCertificates };
    const secrets = { cert: files.certificate, key: files.key, ca: files.authority };
    const server = createSecureServer({ ...secrets, ...verification }, (socket) => {
      socket.on("error", () => undefined);
      socket.on("data", () => socket.write("+PONG\r\n"));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  async function ping(port: number, secrets: TlsSecrets): Promise<unknown> {
    const socket = await secureSocket(connect(port, "127.0.0.1"), "shop-0-0", secrets);
    const link = serverLink(socket, "shop-0-0", () => undefined);
    return await link.command("PING").finally(() => link.close());
  }

  it("reaches a server of the authority, whatever name stands in its certificate", async () => {
    expect(await ping(await listen(false), { authority: files.authority, own: undefined })).toBe("PONG");
  });

  it("shows a certificate to a server that asks for one", async () => {
    const port = await listen(true);
    expect(await ping(port, { authority: files.authority, own: files })).toBe("PONG");
    await expect(ping(port, { authority: files.authority, own: undefined })).rejects.toThrow();
  });

  it("says why where the server is of another authority, or speaks no TLS", async () => {
    const other = new TriedAuthority();
    const stranger = { authority: other.certificate, own: undefined };
    await expect(ping(await listen(false), stranger)).rejects.toThrow('Cannot speak TLS with pod "shop-0-0"');
    other.remove();
    const plain = createServer((socket) => socket.end("-ERR no\r\n"));
    servers.push(plain);
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    const { port } = plain.address() as AddressInfo;
    await expect(ping(port, { authority: files.authority, own: undefined })).rejects.toThrow("Cannot speak TLS");
  });
});
