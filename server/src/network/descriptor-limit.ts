/** How many clients the system lets this process have: each takes a descriptor, and the server needs some for itself. */

import { readFileSync } from "node:fs";
import type { Config } from "../config/config.ts";

const OWN_DESCRIPTORS = 32;

/** Refuses a `maxclients` beyond that. Where the system does not tell, any is taken. */
export function limitMaxClients(config: Config): void {
  config.onChange(["maxclients"], () => {
    const most = openFilesLimit() - OWN_DESCRIPTORS;
    return config.get("maxclients") <= most
      ? undefined
      : `The operating system is not able to handle the specified number of clients, try with ${most}`;
  });
}

/** Node raises what may be opened to what the system allows at all. */
function openFilesLimit(): number {
  try {
    const [, hard] = /^Max open files +\S+ +(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
    return hard === undefined ? Number.POSITIVE_INFINITY : Number(hard);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
