/**
 * RANDOMKEY's choice. A key that has expired is drawn again (and deleted, where that is ours to do), and so is one of
 * another node's slots. A replica, where expired keys stay until the primary's DEL, ends after a number of draws.
 */

import type { Handle } from "../memory/arena-layout.ts";
import type { Database } from "./database.ts";
import type { KeyspaceState } from "./keyspace-state.ts";

/** After so many draws a replica gives an expired key, and anyone gives up on keys that are another node's. */
const MAX_DRAWS = 100;

/** A record of the database, each with the same probability; 0 if there is none. */
export function drawKey(state: KeyspaceState, database: Database): Handle {
  for (let draw = 0; ; draw++) {
    const record = database.randomRecord();
    const isForeign = record !== 0 && state.isForeign(record);
    if (record === 0 || (isForeign && draw >= MAX_DRAWS)) return 0;
    if (isForeign) continue;
    if (!database.isExpired(record)) return record;
    if (!state.keepsExpired) database.expireRecord(record);
    else if (draw >= MAX_DRAWS) return record;
  }
}
