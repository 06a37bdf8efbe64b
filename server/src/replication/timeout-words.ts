/** What the log says when a primary is silent for too long. Each begins with Redis' own words, by which people search. */

import type { LinkState } from "./primary-link.ts";

const WORDS: Readonly<Record<LinkState, string>> = {
  connect: "Timeout connecting to the MASTER",
  connecting: "Timeout connecting to the MASTER",
  handshake: "Timeout connecting to the MASTER",
  sync: "Timeout receiving bulk data from MASTER",
  connected: "MASTER timeout",
};

export function timeoutWords(state: LinkState, silentMs: number): string {
  return `${WORDS[state]}: nothing came from it for ${Math.floor(silentMs / 1000)} s`;
}
