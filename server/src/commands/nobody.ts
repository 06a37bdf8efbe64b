/** Where a client or its connection is asked for and there is none. */

import { Client, type ClientConnection } from "./client.ts";

/** The client in the Call before the first request. */
export function nobody(): Client {
  return new Client({ id: 0, address: "", localAddress: "", connection: NO_CONNECTION, createdAtMs: 0 });
}

export const NO_CONNECTION: ClientConnection = {
  send: () => undefined,
  closeAfterFlush: () => undefined,
  destroy: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  takeOver: () => undefined,
  isClosed: false,
  queryBytes: 0,
  outputBytes: 0,
  fileDescriptor: -1,
};
