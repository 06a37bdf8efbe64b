/** The source's connection to the target of a move, over a socket. */

import type { Socket } from "node:net";
import type { LinkEvents, TargetLink } from "./slot-export.ts";

/** `connect` opens a connection, and calls back when something can be said on it. */
export function socketLink(connect: (ready: () => void) => Socket, events: LinkEvents): TargetLink {
  const socket = connect(() => events.opened());
  socket.on("data", (chunk) => events.received(chunk));
  socket.on("error", (error) => events.failed(error.message));
  socket.on("close", () => events.closed());
  return {
    get unsentBytes() {
      return socket.writableLength;
    },
    write: (bytes) => void socket.write(bytes),
    destroy: () => void socket.destroy(),
  };
}
