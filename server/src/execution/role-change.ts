/** What follows when a primary becomes a replica or a replica a primary. */

import { type Client, ClientFlag, type ClientRegistry, WRITES_UNKNOWN } from "../commands/client.ts";
import type { ScriptsUnderWay } from "../commands/context.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { AppendOnly } from "../persistence/aof/append-only.ts";
import type { Persistence } from "../persistence/persistence.ts";
import type { ServerScripting } from "./server-scripting.ts";
import type { WaitingClients } from "./waiting-clients.ts";

const ROLE_CHANGED = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";

interface RoleParts {
  readonly clients: ClientRegistry;
  readonly keyspace: Keyspace;
  readonly persistence: Persistence;
  readonly appendOnly: AppendOnly;
  readonly programs: ServerScripting;
  readonly waiting: WaitingClients;
  /** `oom-score-adj-values` has one for each role. */
  readonly adjustOomScore: () => void;
}

export function changeRole(isReplica: boolean, parts: RoleParts): void {
  const { keyspace, persistence, appendOnly, programs, waiting } = parts;
  keyspace.isReplica = isReplica;
  parts.adjustOomScore();
  if (isReplica) {
    stopAll(programs.scriptsUnderWay, waiting);
    forgetWrites(parts.clients);
    return;
  }
  // The data of a primary that was may not have come: from now on what is here is the data set.
  persistence.acceptData();
  appendOnly.resume();
}

/** A replica runs what its primary sends, and nothing else may be in the middle of something. */
function stopAll(scripts: ScriptsUnderWay, waiting: WaitingClients): void {
  scripts.abandon();
  waiting.forKeys.unblockAll(endWith);
  waiting.forReplicas.unblockAll(endWith);
}

/** As in Redis the connection ends too: whatever the client was about to do, it is to do elsewhere. */
function endWith(client: Client): string {
  client.set(ClientFlag.closeAfterReply, true);
  return ROLE_CHANGED;
}

/** Offsets of the stream that ends here mean nothing in the next one: what was written before may not be in it. */
function forgetWrites(clients: ClientRegistry): void {
  for (const client of clients.all()) if (client.writeOffset > 0) client.writeOffset = WRITES_UNKNOWN;
}
