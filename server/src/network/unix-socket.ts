/**
 * The file of a unix socket. A server that was killed leaves it behind, and nobody can listen there until it is gone: then it
 * goes, but only if nobody answers there, and it is no other kind of file.
 */

import { chmodSync, lstatSync, rmSync } from "node:fs";
import net from "node:net";

export async function removeDeadSocket(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  if (await isRefused(path)) rmSync(path, { force: true });
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(path, () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", (reason: NodeJS.ErrnoException) => resolve(reason.code === "ECONNREFUSED"));
  });
}

/** `unixsocketperm`: 0 leaves them as the process' mask makes them. */
export function setSocketPermissions(path: string, permissions: number): void {
  if (permissions !== 0) chmodSync(path, permissions);
}
