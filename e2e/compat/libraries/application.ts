/** A web application on a port of its own for the time of a test. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Express } from "express";

export async function withApplication(application: Express, use: (url: string) => Promise<void>): Promise<void> {
  const listener = application.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  try {
    await use(`http://127.0.0.1:${port}/`);
  } finally {
    listener.closeAllConnections();
    listener.close();
  }
}
