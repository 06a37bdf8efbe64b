/** A full sync of some replicas, as their primary drives it: by the socket (full-sync.ts) or by a file (file-sync.ts). */

import type { ReplicaSession } from "./replica-session.ts";

export interface Sync {
  /** The snapshot has begun: tells the replicas. */
  begin(): void;
  /** Gives each what it lacks, as far as its connection has room. */
  give(): void;
  /** Once a second: while there is nothing to give, nobody is to think that we are dead. */
  keepAlive(): void;
  /** The replica is gone; the snapshot goes on for the others. */
  drop(session: ReplicaSession): void;
  /** All of them are gone. */
  readonly isAbandoned: boolean;
  /** How much in memory waits for this replica, and for all of them together. */
  lackedBy(session: ReplicaSession): number;
  readonly waitingBytes: number;
}
