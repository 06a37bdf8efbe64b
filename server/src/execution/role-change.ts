/** What follows when a primary becomes a replica or a replica a primary. */

import type { ScriptsUnderWay } from "../commands/context.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { AppendOnly } from "../persistence/aof/append-only.ts";
import type { ServerScripting } from "./server-scripting.ts";
import type { WaitingClients } from "./waiting-clients.ts";

const ROLE_CHANGED = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";

interface RoleParts {
  readonly keyspace: Keyspace;
  readonly appendOnly: AppendOnly;
  readonly programs: ServerScripting;
  readonly waiting: WaitingClients;
}

export function changeRole(isReplica: boolean, { keyspace, appendOnly, programs, waiting }: RoleParts): void {
  keyspace.isReplica = isReplica;
  if (isReplica) stopAll(programs.scriptsUnderWay, waiting);
  // The data of a primary that was may not have come: from now on what is here is the data set.
  else appendOnly.resume();
}

/** A replica runs what its primary sends, and nothing else may be in the middle of something. */
function stopAll(scripts: ScriptsUnderWay, waiting: WaitingClients): void {
  scripts.abandon();
  waiting.forKeys.unblockAll(() => ROLE_CHANGED);
}
