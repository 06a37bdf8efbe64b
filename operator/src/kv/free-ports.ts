/** For tests against real servers: ports that were free a moment ago, each another. */

import { type AddressInfo, createServer } from "node:net";

/** On that address; all are held until the last is found, so no two are the same. */
export async function freePorts(count: number, host = "127.0.0.1"): Promise<readonly number[]> {
  const holders = Array.from({ length: count }, () => createServer());
  for (const holder of holders) await new Promise<void>((resolve) => holder.listen(0, host, resolve));
  const ports = holders.map((holder) => (holder.address() as AddressInfo).port);
  for (const holder of holders) await new Promise((resolve) => holder.close(resolve));
  return ports;
}
